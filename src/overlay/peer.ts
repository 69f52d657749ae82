import { invalidConfig } from "../cni/config.ts";
import { field, isObject, type JsonObject } from "../cni/json.ts";
import { Address } from "../ip/address.ts";
import { type Mac, macBytes, parseMac } from "../ip/mac.ts";
import { Prefix } from "../ip/prefix.ts";
import { vtepMac } from "./mac.ts";

/** Another host of an overlay. */
export interface Peer {
  /** Where the list says so, for errors: `peers[0]`. */
  readonly path: string;
  /** Its address on the underlay. */
  readonly ip: Address;
  /** Its containers' subnets, without host bits; mode l3 routes them. */
  readonly subnets: readonly Prefix[];
  /** Of its tunnel end. */
  readonly mac: Mac;
  /** Containers that it is known to have: mode l2 need not flood to find them. */
  readonly endpoints: readonly Endpoint[];
}

/** A container on another host. */
interface Endpoint {
  readonly ip: Address;
  readonly mac: Mac;
}

/**
 * A list of peers as JSON gave it: `[{"ip": …, "subnet": …, "mac": …, "endpoints": [{"ip": …, "mac": …}]}]`.
 *
 * @param name of the source, with which the paths in errors begin.
 * @throws CniError (invalidConfig) for the first entry that says something impossible.
 */
export function readPeers(raw: unknown, name: string): Peer[] {
  if (!Array.isArray(raw)) throw refuse(name, raw, "an array of objects with ip");
  return raw.map((item: unknown, i) => readPeer(item, `${name}[${i}]`));
}

/** @throws CniError (invalidConfig) where two peers cannot both be right. */
export function checkPeers(peers: readonly Peer[]): void {
  const holders = new Map<string, Peer>();
  for (const peer of peers) {
    for (const key of ["ip", "mac"] as const) {
      const holder = holders.getOrInsert(`${key} ${peer[key]}`, peer);
      if (holder === peer) continue;
      throw refuse(`${peer.path}.${key}`, peer[key], `another than that of ${holder.path}`);
    }
  }
  refuseOverlaps(peers);
}

/** Two prefixes are apart, or one is within the other: in their order, those around one have come before it. */
function refuseOverlaps(peers: readonly Peer[]): void {
  const all = peers.flatMap((peer, rank) => peer.subnets.map((subnet) => ({ rank, peer, subnet })));
  const around: typeof all = [];
  for (const one of all.sort((a, b) => comparePrefixes(a.subnet, b.subnet))) {
    while (around.length > 0 && !around.at(-1)?.subnet.contains(one.subnet.address)) around.pop();
    const other = around.find(({ peer }) => peer !== one.peer);
    if (other !== undefined) {
      const [first, second] = one.rank < other.rank ? [one, other] : [other, one];
      const allowed = `one that does not overlap ${first.subnet} of ${first.peer.path}`;
      throw refuse(`${second.peer.path}.subnet`, second.subnet, allowed);
    }
    if (!around.at(-1)?.subnet.equals(one.subnet)) around.push(one);
  }
}

function comparePrefixes(a: Prefix, b: Prefix): number {
  const [one, other] = [a.address.value, b.address.value];
  return a.family - b.family || (one < other ? -1 : one > other ? 1 : a.length - b.length);
}

/**
 * What the list must be for this host: without itself, and in reach of its underlay address.
 *
 * @param own this host's subnets of the overlay.
 * @throws CniError (invalidConfig).
 */
export function checkAgainstHost(peers: readonly Peer[], local: Address, own: readonly Prefix[]): void {
  for (const { path, ip, subnets } of peers) {
    if (ip.equals(local)) throw refuse(`${path}.ip`, ip, "an address other than this host's own");
    if (ip.family !== local.family) throw refuse(`${path}.ip`, ip, `an IPv${local.family} address, as ${local} is one`);
    const overlap = firstOverlap(subnets, own);
    if (overlap === undefined) continue;
    throw refuse(`${path}.subnet`, overlap[0], `one that does not overlap this host's own, ${overlap[1]}`);
  }
}

/** @throws CniError (invalidConfig) when a peer has no subnet to route. */
export function requireSubnets(peers: readonly Peer[]): void {
  const without = peers.find(({ subnets }) => subnets.length === 0);
  if (without)
    throw refuse(`${without.path}.subnet`, undefined, 'the subnet of its containers, which mode "l3" routes');
}

function readPeer(raw: unknown, path: string): Peer {
  if (!isObject(raw)) throw refuse(path, raw, "an object with ip");
  const ip = read(raw, "ip", path, "a unicast IP address of the host", readUnicast);
  const subnets = [field(raw, "subnet") ?? []].flat().map((text) => {
    return parse(text, `${path}.subnet`, "a subnet, as 10.1.0.0/24, or an array of them", readSubnet);
  });
  const mac = field(raw, "mac") === undefined ? vtepMac(ip) : read(raw, "mac", path, "a unicast MAC", readMac);
  const endpoints = field(raw, "endpoints") ?? [];
  if (!Array.isArray(endpoints)) throw refuse(`${path}.endpoints`, endpoints, "an array of objects with ip and mac");
  return { path, ip, subnets, mac, endpoints: endpoints.map((one, i) => readEndpoint(one, `${path}.endpoints[${i}]`)) };
}

function readEndpoint(raw: unknown, path: string): Endpoint {
  if (!isObject(raw)) throw refuse(path, raw, "an object with ip and mac");
  const ip = read(raw, "ip", path, "a unicast IP address of a container", readUnicast);
  return { ip, mac: read(raw, "mac", path, "a unicast MAC", readMac) };
}

type Reader<T> = (text: string) => T | undefined;

function read<T>(raw: JsonObject, key: string, path: string, allowed: string, reader: Reader<T>): T {
  return parse(field(raw, key), `${path}.${key}`, allowed, reader);
}

function parse<T>(value: unknown, path: string, allowed: string, reader: Reader<T>): T {
  try {
    const result = typeof value === "string" ? reader(value) : undefined;
    if (result !== undefined) return result;
  } catch {
    // refused below
  }
  throw refuse(path, value, allowed);
}

/** A link-local IPv6 address means nothing without a link. */
function readUnicast(text: string): Address | undefined {
  const address = Address.parse(text);
  const { isMulticast, isUnspecified, isLoopback, isLinkLocal, family } = address;
  return isMulticast || isUnspecified || isLoopback || (isLinkLocal && family === 6) ? undefined : address;
}

function readSubnet(text: string): Prefix | undefined {
  const prefix = Prefix.parse(text);
  return prefix.isDefault ? undefined : prefix.network;
}

function readMac(text: string): Mac | undefined {
  const mac = parseMac(text);
  const bytes = macBytes(mac);
  return bytes.length === 6 && ((bytes[0] ?? 0) & 1) === 0 && bytes.some((byte) => byte !== 0) ? mac : undefined;
}

function firstOverlap(some: readonly Prefix[], others: readonly Prefix[]): [Prefix, Prefix] | undefined {
  for (const one of some) {
    const other = others.find((other) => one.family === other.family && one.overlaps(other));
    if (other !== undefined) return [one, other];
  }
  return undefined;
}

function refuse(path: string, found: unknown, allowed: string) {
  return invalidConfig("list of peers", path, found, allowed);
}
