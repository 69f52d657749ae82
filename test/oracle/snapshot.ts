import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { addFacts, type Facts, flatten } from "./facts.ts";
import { type Machine, runScript } from "./machine.ts";
import { type LinkIdentity, type Translate, translator } from "./names.ts";

/** What iproute2 prints of a namespace, each a JSON document in a line. */
const documents = ["links", "routes", "rules4", "neighbours", "rules6", "vlans", "qdiscs"] as const;

const script = `
ip -json -details -batch - <<END
address
route show table all
rule
neighbour show nud permanent
END
ip -json -6 rule
bridge -json vlan
tc -json qdisc
echo '#'
nft list tables
echo '#'
grep -s -r '' /proc/sys/net/core/somaxconn /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf || true
echo '#'
for link in $(ls /proc/sys/net/ipv4/conf); do tc filter show dev $link ingress 2>/dev/null | sed "s/^/$link /"; done`;

type Printed = Readonly<Record<string, unknown>>;

interface View extends Readonly<Record<(typeof documents)[number], readonly Printed[]>> {
  /** Names, as `inet berth`. */
  readonly tables: readonly string[];
  readonly sysctls: readonly string[];
  /** Of what comes in, each line with its link. */
  readonly filters: readonly string[];
}

export interface Snapshot {
  readonly facts: Facts;
  readonly translate: Translate;
}

/** All that the kernel and the state directory hold, in words that are the same for both suites. */
export async function takeSnapshot(machine: Machine, asked: string): Promise<Snapshot> {
  const netnses = ["host", ...machine.containers];
  const views = await Promise.all(netnses.map(async (name) => [name, await look(machine, name)] as const));
  const links = new Map(views.map(([name, view]) => [name, view.links as unknown as LinkIdentity[]]));
  const translate = translator(machine, links, asked);
  const facts: Facts = new Map();
  for (const [name, view] of views) addFacts(facts, name, describe(view, translate));
  addFacts(facts, "state", await describeState(machine));
  return { facts, translate };
}

async function look(machine: Machine, netns: string): Promise<View> {
  const [printed = "", tables = "", sysctls = "", filters = ""] = (await runScript(machine, netns, script)).split(
    "#\n",
  );
  const lines = printed.trim().split("\n");
  if (lines.length !== documents.length) throw new Error(`Cannot read what iproute2 printed: ${printed}`);
  const read = (name: (typeof documents)[number]): Printed[] => JSON.parse(lines[documents.indexOf(name)] ?? "");
  return {
    links: read("links"),
    routes: read("routes"),
    rules4: read("rules4"),
    rules6: read("rules6"),
    neighbours: read("neighbours"),
    vlans: read("vlans"),
    qdiscs: read("qdiscs"),
    tables: tables.trim().split("\n"),
    sysctls: sysctls.trim().split("\n"),
    filters: filters.trim().split("\n"),
  };
}

function describe(view: View, translate: Translate): Facts {
  const facts: Facts = new Map();
  const add = (key: string, value: string) => {
    let unique = translate(key);
    while (facts.has(unique)) unique += " again";
    facts.set(unique, translate(value));
  };
  for (const link of view.links) {
    for (const [key, value] of describeLink(link)) add(`link ${link["ifname"]}: ${key}`, value);
    for (const address of link["addr_info"] as Printed[]) {
      if (!isAutomatic(address["local"])) add(`address ${link["ifname"]} ${addressKey(address)}`, rest(address));
    }
  }
  for (const route of view.routes) {
    if (route["table"] !== "local" && !isAutomatic(route["dst"])) add(`route ${routeKey(route)}`, rest(route));
  }
  for (const [family, rules] of Object.entries({ 4: view.rules4, 6: view.rules6 })) {
    for (const rule of rules) add(`rule IPv${family} ${text(rule)}`, "present");
  }
  for (const neighbour of view.neighbours) add(`neighbour ${neighbour["dev"]} ${neighbour["dst"]}`, text(neighbour));
  for (const port of view.vlans) {
    for (const vlan of port["vlans"] as Printed[]) add(`vlan ${port["ifname"]} ${vlan["vlan"]}`, text(vlan));
  }
  for (const qdisc of view.qdiscs) {
    if (qdisc["kind"] !== "noqueue") add(`qdisc ${qdisc["dev"]} ${qdisc["kind"]}`, text(qdisc));
  }
  for (const table of view.tables) {
    if (table !== "") add(`nftables ${table}`, "present");
  }
  const filters = view.filters.filter((line) => line !== "").map((line) => line.split(" "));
  for (const [link, lines] of Map.groupBy(filters, ([link]) => link)) {
    const words = lines.flatMap(([, ...words]) => words).filter((word) => word !== "");
    add(`filter ${link}`, words.join(" ").replaceAll(/ (index|ref|bind) \d+/g, ""));
  }
  for (const line of view.sysctls) {
    const [, path, name, value] = /^\/proc\/sys\/net\/(.*)\/([^:/]*):(.*)$/.exec(line) ?? [];
    if (value !== undefined) add(`sysctl ${path}: ${name}`, value);
  }
  return facts;
}

/** Numbers that the kernel hands out, that run, or that follow from other facts. */
const passing =
  /(^(ifindex|link_index|operstate|link_netnsid|broadcast|(min|max)_mtu|num_[rt]x_queues)$|^(gso|tso|gro)_|_timer$|(bridge|root)_id$|\.(id|no)$|designated_|topology_change|group_fwd_mask_str)/;

/** Carrier, which the kernel reports up to a second late, as it does `operstate`. */
const carrier = /^(LOWER_UP|NO-CARRIER|M-DOWN)$/;

function describeLink(link: Printed): [string, string][] {
  const { flags, addr_info: _, ...others } = link;
  const facts = [...flatten("", others)].filter(([key]) => !passing.test(key));
  return [["flags", (flags as string[]).filter((flag) => !carrier.test(flag)).join(" ")], ...facts];
}

/** Link-local addresses and multicast routes come and go with the carrier; neither suite makes them. */
function isAutomatic(address: unknown): boolean {
  return /^(fe80:|ff00:)/.test(String(address));
}

function addressKey(address: Printed): string {
  return `${address["local"]}${address["address"] === undefined ? "" : ` peer ${address["address"]}`}/${address["prefixlen"]}`;
}

function routeKey(route: Printed): string {
  const hops = (route["nexthops"] as Printed[] | undefined) ?? [route];
  const ways = hops.map((hop) => `${hop["gateway"] === undefined ? "" : `via ${hop["gateway"]} `}dev ${hop["dev"]}`);
  const type = route["type"] === "unicast" ? "" : `${route["type"]} `;
  return `${route["table"]} ${type}${route["dst"]} ${ways.join(" + ")}`;
}

/** Keys that stand in the fact's key, or that say nothing. */
const told = new Set(["local", "address", "prefixlen", "family", "type", "dst", "gateway", "dev", "table", "nexthops"]);
/** Duplicate address detection takes its time, as does the carrier. */
const fleeting = new Set(["tentative", "linkdown", "dead"]);
const forever = 2 ** 32 - 1;

function rest(object: Printed): string {
  const kept = Object.entries(object).filter(
    ([key, value]) => !told.has(key) && !fleeting.has(key) && value !== forever,
  );
  return text(Object.fromEntries(kept));
}

function text(object: Printed): string {
  return [...flatten("", object)]
    .filter(([key, value]) => value !== "[]" && !fleeting.has(value) && !passing.test(key))
    .map(([key, value]) => `${key} ${value}`)
    .sort()
    .join(", ");
}

/** Each file with its mode and its content, in which the host's and the containers' own paths do not occur. */
async function describeState(machine: Machine): Promise<Facts> {
  const facts: Facts = new Map();
  for (const entry of await readdir(machine.state, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const mode = ((await stat(path)).mode & 0o777).toString(8);
    const key = path.slice(machine.state.length + 1);
    facts.set(`mode of ${key}`, mode);
    if (entry.isFile()) facts.set(key, JSON.stringify(await readFile(path, "utf8")));
  }
  return facts;
}
