import type { Command } from "commander";
import { defaultCacheDir } from "../../src/cni/cache.ts";
import { defaultConfigDir } from "../../src/cni/confdir.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import { Address } from "../../src/ip/address.ts";
import { defaultDataDir, ReservationStore } from "../../src/ipam/store.ts";
import { countUse, findNetworks, type Holding, type IpamNetwork, listHoldings } from "./ipamnetworks.ts";
import { formatTable } from "./table.ts";
import { absolute, type Tool } from "./tool.ts";

interface Options {
  readonly json?: boolean;
  readonly cacheDir?: string;
  readonly dataDir?: string;
  readonly leaked?: boolean;
  readonly force?: boolean;
}

export function registerIpam(program: Command, tool: Tool): void {
  const ipam = program.command("ipam").description("show and release the addresses that host-local has given");
  addOptions(ipam.command("list [network]", { isDefault: true }))
    .description("used and free addresses of each range")
    .action((network: string | undefined, options: Options) => listRanges(tool, network, options));
  addOptions(ipam.command("holders [network]"))
    .description("who has which address")
    .option("--leaked", "only those that nobody seems to have any more")
    .action((network: string | undefined, options: Options) => listHolders(tool, network, options));
  addOptions(ipam.command("leaked [network]"))
    .description("addresses of containers whose namespace is gone, or that the cache does not know")
    .action((network: string | undefined, options: Options) =>
      listHolders(tool, network, { ...options, leaked: true }),
    );
  addOptions(ipam.command("release <network> [addresses...]"))
    .description("release addresses")
    .option("--leaked", "all that nobody seems to have any more")
    .option("--force", "also addresses of containers that are there")
    .action((network: string, addresses: string[], options: Options) => release(tool, network, addresses, options));
}

function addOptions(command: Command): Command {
  return command
    .option("--json", "for programs")
    .option("--data-dir <directory>", `where host-local keeps reservations (default: ${defaultDataDir})`)
    .option("--cache-dir <directory>", `where attachments are remembered (default: ${defaultCacheDir})`);
}

function listRanges(tool: Tool, name: string | undefined, options: Options): void {
  const networks = openNetworks(tool, name, options).map((network) => {
    const holdings = listHoldings(network, cacheDirOf(tool, options));
    return { network, holdings, ranges: countUse(network, holdings) };
  });
  const values = networks.map(({ network: { name, dataDir }, holdings, ranges }) => {
    const leaked = holdings.filter((holding) => holding.leaked !== undefined).length;
    return { name, dataDir, reserved: holdings.length, leaked, ranges };
  });
  const rows = values.flatMap(({ name, reserved, leaked, ranges }) => {
    if (ranges.length === 0) return [[name, "-", "-", `${reserved}`, "-", `${leaked}`]];
    return ranges.map(({ subnet, range, used, free }) => [name, subnet, range, `${used}`, `${free}`, `${leaked}`]);
  });
  show(tool, options, values, () => formatTable(["NETWORK", "SUBNET", "RANGE", "USED", "FREE", "LEAKED"], rows));
}

function listHolders(tool: Tool, name: string | undefined, options: Options): void {
  const found = openNetworks(tool, name, options).flatMap((network) =>
    listHoldings(network, cacheDirOf(tool, options))
      .filter(({ leaked }) => !options.leaked || leaked !== undefined)
      .map((holding) => ({ network: network.name, ...holding })),
  );
  const rows = found.map(({ network, address, containerID, ifname, since, leaked }) => [
    network,
    `${address}`,
    containerID || "-",
    ifname ?? "-",
    since.toISOString(),
    leaked === undefined ? "in use" : `leaked: ${leaked}`,
  ]);
  const headings = ["NETWORK", "ADDRESS", "CONTAINER", "INTERFACE", "SINCE", "STATE"];
  show(tool, options, found, () => formatTable(headings, rows));
}

function release(tool: Tool, name: string, addresses: readonly string[], options: Options): void {
  const networks = openNetworks(tool, name, options);
  const holdings = networks.flatMap((network) =>
    listHoldings(network, cacheDirOf(tool, options)).map((holding) => ({ ...holding, network })),
  );
  const named = addresses.map((text) => {
    const address = parseAddress(text);
    const holding = holdings.find((candidate) => candidate.address.equals(address));
    if (holding === undefined) throw cannotRelease(name, text, "it is not reserved");
    if (holding.leaked !== undefined || options.force) return holding;
    throw cannotRelease(name, text, `container ${holding.containerID} is there`, "--force releases it all the same");
  });
  const chosen = options.leaked ? holdings.filter(({ leaked }) => leaked !== undefined) : [];
  if (named.length === 0 && !options.leaked) throw cannotRelease(name, "nothing", "name addresses, or give --leaked");
  const released = new Map([...named, ...chosen].map((holding) => [`${holding.address}`, holding]));
  for (const network of networks)
    releaseIn(
      network,
      [...released.values()].filter((it) => it.network === network),
    );
  const texts = [...released.keys()];
  show(tool, options, texts, () => texts.map((text) => `${text}\n`).join(""));
}

/** Whoever got the address since it was looked at keeps it. */
function releaseIn({ dataDir, name }: IpamNetwork, holdings: readonly Holding[]): void {
  if (holdings.length === 0) return;
  using store = ReservationStore.open(dataDir, name);
  for (const { address, containerID, ifname } of holdings) {
    const content = ifname === undefined ? containerID : `${containerID}\r\n${ifname}`;
    if (store.holderOf(address) === content) store.release(address);
  }
}

function openNetworks(tool: Tool, name: string | undefined, options: Options): readonly IpamNetwork[] {
  const dataDir = options.dataDir === undefined ? defaultDataDir : absolute(tool, options.dataDir);
  const networks = findNetworks(tool.env["NETCONFPATH"] || defaultConfigDir, dataDir, tool.warn);
  const found = name === undefined ? networks : networks.filter((network) => network.name === name);
  if (name === undefined || found.length > 0) return found;
  throw new CniError(ErrorCode.invalidConfig, `no network ${JSON.stringify(name)} with addresses from host-local`, {
    details: `known: ${[...new Set(networks.map((network) => network.name))].join(", ") || "none"}`,
  });
}

function cacheDirOf(tool: Tool, { cacheDir }: Options): string {
  return cacheDir === undefined ? defaultCacheDir : absolute(tool, cacheDir);
}

function parseAddress(text: string): Address {
  try {
    return Address.parse(text);
  } catch (error) {
    throw new CniError(ErrorCode.invalidEnvironment, `Cannot release ${text}`, { cause: error });
  }
}

function cannotRelease(network: string, what: string, reason: string, details?: string): CniError {
  return new CniError(ErrorCode.invalidEnvironment, `Cannot release ${what} of network ${network}: ${reason}`, {
    details,
  });
}

function show(tool: Tool, { json }: Options, value: unknown, format: () => string): void {
  tool.print(json ? `${JSON.stringify(value, printable, 2)}\n` : format());
}

/** IPv6 has more addresses than a JSON number can count everywhere: such numbers come as text. */
function printable(_key: string, value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value.toString();
}
