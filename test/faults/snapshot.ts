import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { NetworkNamespace } from "../../src/linux/namespace.ts";
import { type Host, runScript } from "../bench/host.ts";

/** All that a plugin could leave behind, one fact a line. */
export type Snapshot = ReadonlySet<string>;

const settings =
  "grep -s -r '' /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf /proc/sys/net/ipv4/ip_forward /proc/sys/net/core/somaxconn || true";
const addresses = `
ip -json -details -batch - <<END
address
route show table all
rule
END
ip -json -6 rule`;
const container = `${addresses}\n${settings}`;
const host = `${addresses}\ntc -json qdisc\n${settings}\nnft --stateless list ruleset 2>/dev/null`;

/** The host's links, addresses, routes, rules, queueing disciplines, nf_tables, settings and files, and a container's. */
export function takeSnapshot({ namespace, state }: Host, netns?: string): Snapshot {
  const facts = describe("host", runScript(namespace, host));
  const files = [state, "/run/berth", "/run/cni", "/var/lib/cni"].flatMap(describeFiles);
  if (netns === undefined || !existsSync(netns)) return new Set([...facts, ...files]);
  using inside = NetworkNamespace.open(netns);
  return new Set([...facts, ...files, ...describe("container", runScript(inside, container))]);
}

/** What one has and the other has not, `+` and `-` before each fact. */
function compareAll(before: Snapshot, after: Snapshot): string[] {
  const [gone, come] = [before.difference(after), after.difference(before)];
  return [...[...come].map((fact) => `+ ${fact}`), ...[...gone].map((fact) => `- ${fact}`)];
}

/** What one has not, and the other has. */
export function compareAdded(before: Snapshot, after: Snapshot): string[] {
  return [...after.difference(before)];
}

/** The first few of many differences, each in a line that can be read. */
export function abridge(differences: readonly string[]): string {
  const lines = differences.slice(0, 6).map((fact) => (fact.length > 200 ? `${fact.slice(0, 200)}…` : fact));
  return [...lines, ...(differences.length > 6 ? [`and ${differences.length - 6} more`] : [])].join("\n  ");
}

/** Milliseconds: nothing that the kernel does later takes as long, be the machine as busy as it may. */
const longestDelay = 10_000;

/** The first of looks that are alike for a while. */
export function lookSettled(look: () => Snapshot): Snapshot {
  const end = performance.now() + longestDelay;
  let last = look();
  for (;;) {
    pause(150);
    const next = look();
    if (compareAll(last, next).length === 0 || performance.now() > end) return next;
    last = next;
  }
}

/**
 * As {@link compareAll}, when the kernel has done what it does later: it reports a carrier up to a second after, and takes
 * its time over the links of a namespace that is gone.
 */
export function compareSettled(
  before: Snapshot,
  look: () => Snapshot,
  compare = compareAll,
  patience = longestDelay,
): string[] {
  let differences = compare(before, look());
  const end = performance.now() + patience;
  while (differences.length > 0 && performance.now() < end) {
    pause(100);
    differences = compare(before, look());
  }
  return differences;
}

function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

function describe(where: string, printed: string): string[] {
  return printed.split("\n").flatMap((line) => {
    if (line.startsWith("[")) {
      const all = JSON.parse(line) as { dst?: string; table?: string }[];
      // Routes of the table `local` follow from addresses, those of IPv6 when they have been found to be nobody else's.
      const entries = all.filter(({ dst = "", table }) => !isLinkLocal(dst) && table !== "local");
      return entries.map((entry) => `${where} ${describeEntry(entry)}`);
    }
    return line.trim() === "" ? [] : [`${where} ${line.trim()}`];
  });
}

/** Timers run, the carrier follows, and an address is tentative for a while. */
const passing =
  /_timer$|^(operstate|tentative|linkdown|dead|topology_change.*|tcn|root_.*|designated_.*|fdb_n_learned)$/;
const passingFlag = /^(LOWER_UP|NO-CARRIER|M-DOWN|linkdown|dead)$/;

function describeEntry(entry: object): string {
  return JSON.stringify(entry, (key, value) => {
    if (passing.test(key)) return undefined;
    if (key === "addr_info") return (value as { local: string }[]).filter(({ local }) => !isLinkLocal(local));
    return key === "flags" && Array.isArray(value) ? value.filter((flag) => !passingFlag.test(flag)) : value;
  });
}

/** The kernel gives these to each link that has carrier, with its multicast route. */
function isLinkLocal(address: string): boolean {
  return /^(fe80|ff00):/.test(address);
}

/** Names, and the content of what stands for a reservation: that of others is their plugin's own affair. */
function describeFiles(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    // A cache, one for a network: the next call makes it anew where it has to.
    if (/\.index(\.new)?$/.test(entry.name)) return [];
    const path = join(entry.parentPath, entry.name);
    // Made once and for all.
    if (path.startsWith("/run/berth/locks") || dirname(path) === "/run/berth") return [];
    const isReservation = entry.isFile() && /^[0-9a-f.:_]+$/.test(entry.name);
    return `file ${path}${isReservation ? ` ${JSON.stringify(readFileSync(path, "latin1"))}` : ""}`;
  });
}
