import { Address, type Family } from "../../ip/address.ts";
import { type Mac, parseMac } from "../../ip/mac.ts";
import { Prefix } from "../../ip/prefix.ts";

/**
 * What the host's packet filter is to do for one attachment. Everything but the addresses is optional; what is left out
 * is not done. As JSON it is what the records keep.
 */
export interface Publication {
  /** The container's addresses, each with its subnet's prefix length. */
  readonly addresses: readonly Prefix[];
  /** The host's interface that leads to the container: its bridge, or its end of a veth pair. */
  readonly link?: Link;
  readonly masquerade?: Masquerade;
  readonly ports?: Ports;
  readonly isolation?: Isolation;
  readonly macSpoofing?: MacGuard;
  /** What another firewall of this host was asked for: nothing in our tables, but to be taken back and restored. */
  readonly hostFirewall?: HostFirewall;
}

/** A firewall of the host that drops what it was not told of. */
export type HostFirewall =
  | {
      readonly backend: "iptables";
      readonly adminChain: string;
      /** Of which addresses; left out: of all. */
      readonly families?: readonly Family[];
    }
  | { readonly backend: "firewalld"; readonly zone: string };

export interface Link {
  readonly name: string;
  /** A bridge is its network's; anything else is the attachment's own. */
  readonly kind: "bridge" | "port";
}

/** Packets to anywhere but the own subnet and multicast get an address of the host's as their source. */
interface Masquerade {
  /** The source address to give, one of each family at most; left out: that of the interface which the packet leaves by. */
  readonly to?: readonly Address[];
}

export interface Ports {
  readonly mappings: readonly PortMapping[];
  /**
   * Whose packets to a published port come to the container from the host's address. `local` (the default): those from
   * the host's loopback addresses and from the container's own subnet, which would not find back otherwise; `all`;
   * `none`.
   */
  readonly masquerade?: "local" | "all" | "none";
  /** Whether containers are reached at their own address, and published ports only opened (Docker's gateway mode routed). */
  readonly routed?: boolean;
}

export const protocols = { tcp: 6, udp: 17, sctp: 132 } as const;

export type Protocol = keyof typeof protocols;

export interface PortMapping {
  readonly protocol: Protocol;
  readonly hostPort: number;
  readonly containerPort: number;
  /** How many ports, from these on; 1 where left out. */
  readonly range?: number;
  /** The host's address to publish at; left out: every one. `0.0.0.0` and `::`: every one of that family. */
  readonly hostIP?: Address;
}

/**
 * Which traffic between a bridge, or a port, and other interfaces passes. Established connections and those to published ports do in
 * every mode but `internal`; the host itself always reaches its containers.
 *
 * - `isolated`: nothing from other isolated bridges.
 * - `strict`: nothing from or to any other bridge in the table.
 * - `nat`: nothing from any other interface (Docker's gateway mode nat).
 * - `routed`: from other interfaces only ICMP and what is published (Docker's gateway mode routed).
 * - `internal`: nothing from or to any other interface.
 */
export interface Isolation {
  readonly mode: "isolated" | "strict" | "nat" | "routed" | "internal";
  /** Whether containers on the bridge reach each other where the bridge hands packets to the filter (br_netfilter). */
  readonly betweenContainers: boolean;
  /** Interfaces that may reach the containers directly all the same. */
  readonly trusted?: readonly string[];
}

/** Frames that come in by a port of a bridge must have this source. */
interface MacGuard {
  readonly port: string;
  readonly mac: Mac;
}

/** The first address of each family: the one that ports lead to. */
export function firstAddresses({ addresses }: Publication): Prefix[] {
  return ([4, 6] as const).flatMap((family) => addresses.find((prefix) => prefix.family === family) ?? []);
}

/** Whether a publication wishes for nothing. */
export function isEmpty({ masquerade, ports, isolation, macSpoofing, hostFirewall }: Publication): boolean {
  return !masquerade && !ports?.mappings.length && !isolation && !macSpoofing && !hostFirewall;
}

/** A publication from its JSON, as the records keep it. @throws an Error when it is none. */
export function readPublication(json: PublicationJson): Publication {
  if (!isPublication(json)) throw new SyntaxError("Cannot read a publication: a part of it is missing or wrong");
  const { addresses, masquerade, ports, ...rest } = json;
  const to = masquerade?.to?.map(Address.parse);
  return {
    ...rest,
    addresses: addresses.map(Prefix.parse),
    ...(masquerade && { masquerade: to ? { to } : {} }),
    ...(ports && { ports: { ...ports, mappings: ports.mappings.map(readMapping) } }),
  };
}

/** The kinds of what is used; addresses are judged where they are read. */
function isPublication(json: PublicationJson): boolean {
  const { link, ports, isolation, macSpoofing, hostFirewall } = json;
  const isPort = (value: unknown) => Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536;
  const isMapping = ({ protocol, hostPort, containerPort, range = 1 }: Json<PortMapping>) =>
    protocol in protocols && [hostPort, containerPort, range].every(isPort);
  return (
    (link === undefined || (isText(link.name) && ["bridge", "port"].includes(link.kind))) &&
    (ports === undefined || ports.mappings.every(isMapping)) &&
    (isolation === undefined || (isText(isolation.mode) && (isolation.trusted ?? []).every(isText))) &&
    (macSpoofing === undefined || (isText(macSpoofing.port) && isMac(macSpoofing.mac))) &&
    (hostFirewall === undefined || isHostFirewall(hostFirewall))
  );
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isHostFirewall(json: Json<HostFirewall>): boolean {
  if ("zone" in json) return isText(json.zone);
  return isText(json.adminChain) && (json.families ?? []).every((family) => family === 4 || family === 6);
}

function isMac(text: Mac): boolean {
  return parseMac(text) === text;
}

function readMapping({ hostIP, ...rest }: Json<PortMapping>): PortMapping {
  return { ...rest, ...(hostIP !== undefined && { hostIP: Address.parse(hostIP) }) };
}

/** What JSON.stringify makes of a value: addresses and prefixes are text. */
type Json<T> = T extends Address | Prefix
  ? string
  : T extends readonly (infer Item)[]
    ? Json<Item>[]
    : T extends object
      ? { [K in keyof T]: Json<T[K]> }
      : T;

type PublicationJson = Json<Publication>;
