import { invalidConfig } from "../cni/config.ts";
import { CniError } from "../cni/error.ts";
import { Address, addressBits } from "../ip/address.ts";
import { Prefix } from "../ip/prefix.ts";
import type { RangeConfig } from "./schema.ts";
import { byStart, type Span, spanContains } from "./span.ts";

/** A range with all defaults filled in. */
export interface Range extends Span {
  readonly subnet: Prefix;
  readonly gateway: Address;
  /** What is given to those who ask for no address in particular; start and end bound what may be asked for. */
  readonly pool: Span;
  /** Never given; sorted, none overlapping another. */
  readonly excluded: readonly Span[];
}

/**
 * Checks one range and fills in what it leaves out: as gateway the subnet's first usable address, as bounds all of the
 * subnet but its network address and (IPv4) its broadcast address. The two addresses of a /31 or /127 are both usable
 * (RFC 3021, RFC 6164).
 *
 * @param path where the range stands in the configuration.
 * @throws CniError (invalidConfig) naming the path, the value found and what would be right.
 */
export function resolveRange(config: RangeConfig, path: string): Range {
  const subnet = resolveSubnet(config.subnet, path);
  const usable = usableSpan(subnet);
  const refuse = (key: string, found: unknown, allowed: string, reason: string) =>
    invalidRange(`${path}.${key}`, found, allowed, reason);

  const bound = (key: "rangeStart" | "rangeEnd", least: Address, name: string) => {
    const text = config[key];
    if (!text) return undefined;
    const address = parseAddress(text, `${path}.${key}`);
    if (!subnet.contains(address) || address.value < least.value) {
      const reason = `${name} ${address} not in network ${subnet}`;
      throw refuse(key, text, `an address from ${least} to ${subnet.last}`, reason);
    }
    return address;
  };
  const start = bound("rangeStart", subnet.first, "RangeStart") ?? usable.start;
  const end = bound("rangeEnd", start, "RangeEnd") ?? usable.end;
  if (end.value < start.value) {
    throw refuse("rangeStart", config.rangeStart, `an address from ${usable.start} to ${end}`, "the range is empty");
  }
  return {
    subnet,
    start,
    end,
    gateway: config.gateway ? parseAddress(config.gateway, `${path}.gateway`) : usable.start,
    pool: config.ipRange ? resolvePool(config, subnet, usable, path) : { start, end },
    excluded: resolveExcluded(config, subnet, path),
  };
}

/** What can be given without asking, in order: the pool without the gateway and what is excluded. */
export function spansOf(range: Range): Span[] {
  const gateway = { start: range.gateway, end: range.gateway };
  const holes = [...range.excluded, ...(range.gateway.family === range.subnet.family ? [gateway] : [])];
  const spans: Span[] = [];
  let { start } = range.pool;
  for (const hole of holes.sort(byStart)) {
    if (hole.end.value < start.value) continue;
    if (hole.start.value > range.pool.end.value) break;
    if (hole.start.value > start.value) spans.push({ start, end: hole.start.plus(-1n) });
    // The last address of a family has none after it.
    if (hole.end.value >= range.pool.end.value) return spans;
    start = hole.end.plus(1n);
  }
  spans.push({ start, end: range.pool.end });
  return spans;
}

export function invalidRange(path: string, found: unknown, allowed: string, reason: string): CniError {
  const { code, details } = invalidConfig("ipam configuration", path, found, allowed);
  return new CniError(code, `Cannot use ${path}: ${reason}`, { details });
}

function resolveSubnet(text: string, path: string): Prefix {
  const at = `${path}.subnet`;
  const allowed = "a network address with its prefix length, as 10.1.0.0/16";
  let subnet: Prefix;
  try {
    subnet = Prefix.parse(text);
  } catch {
    throw invalidRange(at, text, allowed, `invalid CIDR address: ${text}`);
  }
  if (subnet.length > addressBits[subnet.family] - 1) {
    const longest = `a prefix length of at most ${addressBits[subnet.family] - 1}`;
    throw invalidRange(at, text, longest, `Network ${subnet} too small to allocate from`);
  }
  if (!subnet.address.equals(subnet.first)) {
    const reason = `For a subnet mask of length ${subnet.length} the network address is ${subnet.first}`;
    throw invalidRange(at, text, `${subnet.network}`, `Network has host bits set. ${reason}`);
  }
  return subnet;
}

function usableSpan(subnet: Prefix): Span {
  if (subnet.length === addressBits[subnet.family] - 1) return { start: subnet.first, end: subnet.last };
  return { start: subnet.first.plus(1n), end: subnet.family === 4 ? subnet.last.plus(-1n) : subnet.last };
}

/** Docker's --ip-range: addresses are given from this part of the subnet, but any of the subnet may be asked for. */
function resolvePool(config: RangeConfig, subnet: Prefix, usable: Span, path: string): Span {
  const at = `${path}.ipRange`;
  const text = config.ipRange ?? "";
  const pool = parsePrefix(text, at);
  if (!subnet.contains(pool.first) || pool.length < subnet.length) {
    throw invalidRange(at, text, `a part of ${subnet}`, `ipRange ${pool} not in network ${subnet}`);
  }
  if (config.rangeStart || config.rangeEnd) {
    throw invalidRange(at, text, "either ipRange, or rangeStart and rangeEnd", "rangeStart and rangeEnd say the same");
  }
  const start = pool.first.value < usable.start.value ? usable.start : pool.first;
  return { start, end: pool.last.value > usable.end.value ? usable.end : pool.last };
}

function resolveExcluded(config: RangeConfig, subnet: Prefix, path: string): Span[] {
  const listed = (config.exclude ?? []).map((text, i) => ({ text, at: `${path}.exclude[${i}]` }));
  const named = Object.entries(config.auxAddresses ?? {}).map(([name, text]) => ({
    text,
    at: `${path}.auxAddresses.${name}`,
  }));
  const excluded = [...listed, ...named].map(({ text, at }) => {
    const prefix = parsePrefix(text, at);
    if (!subnet.contains(prefix.first) || prefix.length < subnet.length) {
      throw invalidRange(at, text, `an address or a part of ${subnet}`, `${text} not in network ${subnet}`);
    }
    return { start: prefix.first, end: prefix.last, text, at };
  });
  excluded.sort(byStart);
  for (const [i, hole] of excluded.entries()) {
    const before = excluded[i - 1];
    if (before === undefined || !spanContains(before, hole.start)) continue;
    throw invalidRange(hole.at, hole.text, "each address once", `${hole.text} overlaps ${before.text} (${before.at})`);
  }
  return excluded.map(({ start, end }) => ({ start, end }));
}

function parseAddress(text: string, path: string): Address {
  try {
    return Address.parse(text);
  } catch {
    throw invalidRange(path, text, "an IP address", `invalid IP address: ${text}`);
  }
}

/** A prefix without host bits, or an address as the prefix that holds it alone. */
function parsePrefix(text: string, path: string): Prefix {
  let prefix: Prefix;
  try {
    prefix = text.includes("/") ? Prefix.parse(text) : Prefix.host(Address.parse(text));
  } catch {
    throw invalidRange(
      path,
      text,
      "an address, or a network address with its prefix length",
      `invalid address: ${text}`,
    );
  }
  if (!prefix.address.equals(prefix.first)) {
    throw invalidRange(path, text, `${prefix.network}`, `${text} has host bits set`);
  }
  return prefix;
}
