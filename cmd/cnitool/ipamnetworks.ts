import { readdirSync, readFileSync, statfsSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { listCache } from "../../src/cni/cache.ts";
import { configFiles, loadNetworkFile } from "../../src/cni/confdir.ts";
import { field, isObject } from "../../src/cni/json.ts";
import { listOfOne, type NetworkList, parsePluginConfig } from "../../src/cni/netlist.ts";
import { errorText } from "../../src/cni/report.ts";
import { isVersion, newestVersion } from "../../src/cni/version.ts";
import type { Address } from "../../src/ip/address.ts";
import { listReservations } from "../../src/ipam/directory.ts";
import { parseOwner } from "../../src/ipam/owner.ts";
import { type Range, spansOf } from "../../src/ipam/range.ts";
import { formatSpan, spanContains, spanSize } from "../../src/ipam/span.ts";
import { type HostLocalConfig, loadConfig } from "../host-local/config.ts";

/** A network that host-local keeps addresses of. */
export interface IpamNetwork {
  readonly name: string;
  readonly dataDir: string;
  /** What its configuration says; undefined when there is none, or it is not understood. */
  readonly config: HostLocalConfig | undefined;
}

/** One address that somebody has. */
export interface Holding {
  readonly address: Address;
  readonly containerID: string;
  /** Missing in the older form of a reservation. */
  readonly ifname?: string;
  readonly since: Date;
  /** The namespace that the container was attached with, as the cache knows it. */
  readonly netns?: string;
  /** Why nobody seems to have it any more. */
  readonly leaked?: string;
}

export interface RangeUse {
  readonly set: number;
  readonly subnet: string;
  readonly range: string;
  readonly gateway: string;
  readonly used: bigint;
  readonly free: bigint;
  readonly size: bigint;
}

/** Networks with a configuration, and those of which reservations are left. */
export function findNetworks(
  configDir: string,
  defaultDataDir: string,
  warn: (text: string) => void,
): readonly IpamNetwork[] {
  const configured = loadLists(configDir, warn).flatMap((list) => configuredNetworks(list, warn));
  const known = new Set(configured.map(({ dataDir, name }) => join(dataDir, name)));
  const dataDirs = new Set([defaultDataDir, ...configured.map(({ dataDir }) => dataDir)]);
  const left = [...dataDirs].flatMap((dataDir) =>
    directoriesIn(dataDir).flatMap((name) =>
      known.has(join(dataDir, name)) ? [] : [{ name, dataDir, config: undefined }],
    ),
  );
  return [...configured, ...left].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Who has which address. Read without the lock, so that no container waits for somebody who looks. */
export function listHoldings({ name, dataDir }: IpamNetwork, cacheDir: string): Holding[] {
  const directory = join(dataDir, name);
  if (!directoriesIn(dataDir).includes(name)) return [];
  const attachments = listCache(cacheDir).filter(({ network }) => network === name);
  const holdings = [...listReservations(directory)].flatMap(([address, content]): Holding[] => {
    const since = statSync(join(directory, address.toString()), { throwIfNoEntry: false })?.mtime;
    if (since === undefined) return [];
    if (content === "") return [{ address, containerID: "", since, leaked: "left empty by a crash" }];
    const owner = parseOwner(content);
    const cached = attachments.find(
      ({ containerID, ifname }) => containerID === owner.containerID && ifname === (owner.ifname ?? ifname),
    );
    if (cached === undefined) {
      const isNew = Date.now() - since.getTime() < longestAdd;
      return [{ address, ...owner, since, ...(!isNew && { leaked: "not in the cache" }) }];
    }
    const netns = cached.netns || sandboxOf(cached.result);
    if (netns === undefined) return [{ address, ...owner, since }];
    return [{ address, ...owner, since, netns, ...(!isNamespace(netns) && { leaked: "its namespace is gone" }) }];
  });
  return holdings.sort((a, b) => a.address.family - b.address.family || (a.address.value < b.address.value ? -1 : 1));
}

/** An attachment gets into the cache when its ADD has ended, for which CRI-O waits 5 minutes: in milliseconds. */
const longestAdd = 10 * 60_000;

/** A namespace that was deleted may leave an empty file. */
function isNamespace(path: string): boolean {
  try {
    return [NSFS_MAGIC, PROC_SUPER_MAGIC].includes(statfsSync(path).type);
  } catch {
    return false;
  }
}

// linux/magic.h
const NSFS_MAGIC = 0x6e736673;
const PROC_SUPER_MAGIC = 0x9fa0;

export function countUse({ config }: IpamNetwork, holdings: readonly Holding[]): RangeUse[] {
  return (config?.sets ?? []).flatMap((set, i) => set.map((range) => countRange(range, i, holdings)));
}

function countRange(range: Range, set: number, holdings: readonly Holding[]): RangeUse {
  const spans = spansOf(range);
  const size = spans.reduce((sum, span) => sum + spanSize(span), 0n);
  const held = holdings.filter(({ address }) => spanContains(range, address));
  const taken = held.filter(({ address }) => spans.some((span) => spanContains(span, address)));
  return {
    set,
    subnet: range.subnet.toString(),
    range: formatSpan(range.pool),
    gateway: range.gateway.toString(),
    used: BigInt(held.length),
    free: size - BigInt(taken.length),
    size,
  };
}

function loadLists(directory: string, warn: (text: string) => void): NetworkList[] {
  return configFiles(directory, [".conflist", ".conf", ".json"]).flatMap((file) => {
    try {
      if (extname(file) === ".conflist") return [loadNetworkFile(file)];
      return [listOfOne(parsePluginConfig(readFileSync(file)))];
    } catch (error) {
      warn(`Cannot read ${file}: ${errorText(error)}`);
      return [];
    }
  });
}

function configuredNetworks(list: NetworkList, warn: (text: string) => void): IpamNetwork[] {
  const usesHostLocal = ({ raw }: { raw: Readonly<Record<string, unknown>> }) => {
    const ipam = field(raw, "ipam");
    return isObject(ipam) && field(ipam, "type") === "host-local";
  };
  return list.plugins.filter(usesHostLocal).flatMap(({ raw }) => {
    try {
      const config = loadConfig({ raw, version: isVersion(list.version) ? list.version : newestVersion });
      return [{ name: list.name, dataDir: config.dataDir, config }];
    } catch (error) {
      warn(`Cannot read the ipam of network ${list.name}: ${errorText(error)}`);
      return [];
    }
  });
}

function sandboxOf(result: unknown): string | undefined {
  const interfaces = isObject(result) ? field(result, "interfaces") : undefined;
  if (!Array.isArray(interfaces)) return undefined;
  const sandboxes = interfaces.map((entry: unknown) => (isObject(entry) ? field(entry, "sandbox") : undefined));
  return sandboxes.find((sandbox): sandbox is string => typeof sandbox === "string" && sandbox !== "");
}

function directoriesIn(path: string): string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries.flatMap((entry) => (entry.isDirectory() || entry.isSymbolicLink() ? [entry.name] : []));
  } catch {
    return [];
  }
}
