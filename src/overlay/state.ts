import type { Address } from "../ip/address.ts";
import type { Mac } from "../ip/mac.ts";
import type { Prefix } from "../ip/prefix.ts";
import type { Peer } from "./peer.ts";

/** `l2`: one subnet over all hosts. `l3`: a subnet for each host, and routes between them. */
export type OverlayMode = "l2" | "l3";

/** A forwarding entry (FDB) of the VXLAN device: frames to `mac` go to the host at `peer`. */
export interface Forwarding {
  readonly mac: Mac;
  readonly peer: Address;
}

/** A permanent entry of the ARP or ND table, on the VXLAN device in mode l3, on the bridge in mode l2. */
export interface KnownNeighbour {
  readonly address: Address;
  readonly mac: Mac;
}

/** A route to a peer's subnet. */
export interface PeerRoute {
  readonly destination: Prefix;
  readonly gateway: Address;
  /** The index of the underlay's link for a peer that is reached without the tunnel; undefined: the VXLAN device. */
  readonly direct?: number | undefined;
}

/** All that the kernel is to know of an overlay's peers. */
export interface OverlayState {
  readonly forwarding: readonly Forwarding[];
  readonly neighbours: readonly KnownNeighbour[];
  readonly routes: readonly PeerRoute[];
}

/** Frames to nobody in particular, and to whom nobody has learned yet, go to each of this MAC's destinations. */
export const floodMac: Mac = "00:00:00:00:00:00";

/**
 * @param directLink the underlay's link by which a peer is reached without a router, where routing without the tunnel
 *   is wanted.
 */
export function desiredState(
  mode: OverlayMode,
  peers: readonly Peer[],
  directLink: (peer: Peer) => number | undefined = () => undefined,
): OverlayState {
  const states = peers.map((peer) => (mode === "l2" ? switched(peer) : routed(peer, directLink(peer))));
  return {
    forwarding: states.flatMap(({ forwarding }) => forwarding),
    neighbours: states.flatMap(({ neighbours }) => neighbours),
    routes: states.flatMap(({ routes }) => routes),
  };
}

function switched({ ip: peer, endpoints }: Peer): OverlayState {
  return {
    forwarding: [{ mac: floodMac, peer }, ...endpoints.map(({ mac }) => ({ mac, peer }))],
    neighbours: endpoints.map(({ ip: address, mac }) => ({ address, mac })),
    routes: [],
  };
}

/** The first address of a peer's subnet stands for the peer: its tunnel end has it, and routes go by it. */
function routed({ ip: peer, mac, subnets }: Peer, direct: number | undefined): OverlayState {
  // Without the tunnel the peer itself is the gateway, which must be of the subnet's family.
  const tunnelled = subnets.filter(({ family }) => direct === undefined || family !== peer.family);
  const others = subnets.filter((subnet) => !tunnelled.includes(subnet));
  return {
    forwarding: tunnelled.length > 0 ? [{ mac, peer }] : [],
    neighbours: tunnelled.map(({ first }) => ({ address: first, mac })),
    routes: [
      ...tunnelled.map((destination) => ({ destination, gateway: destination.first })),
      ...others.map((destination) => ({ destination, gateway: peer, direct })),
    ],
  };
}

/** What is to be done to get from one state to another. */
export interface Changes<T> {
  readonly add: readonly T[];
  /** In place of what stands under the same key. */
  readonly change: readonly T[];
  readonly remove: readonly T[];
}

/**
 * @param key what can be there only once.
 * @param text the whole entry, to tell whether it is right.
 */
export function difference<T>(
  present: readonly T[],
  desired: readonly T[],
  key: (entry: T) => string,
  text: (entry: T) => string,
): Changes<T> {
  const there = new Map(present.map((entry) => [key(entry), text(entry)]));
  const wanted = new Map(desired.map((entry) => [key(entry), entry]));
  const entries = [...wanted.values()];
  return {
    add: entries.filter((entry) => !there.has(key(entry))),
    change: entries.filter((entry) => there.has(key(entry)) && there.get(key(entry)) !== text(entry)),
    remove: present.filter((entry) => !wanted.has(key(entry))),
  };
}

export const forwardingText = ({ mac, peer }: Forwarding) => `forwarding of ${mac} to ${peer}`;
export const neighbourText = ({ address, mac }: KnownNeighbour) => `neighbour ${address} at ${mac}`;
export const routeText = ({ destination, gateway, direct }: PeerRoute) =>
  `route to ${destination} via ${gateway}${direct === undefined ? "" : " without the tunnel"}`;

/** The flood entry has many destinations, every other MAC has one. */
export const forwardingKey = ({ mac, peer }: Forwarding) => (mac === floodMac ? `${mac} ${peer}` : mac);
export const neighbourKey = ({ address }: KnownNeighbour) => address.toString();
export const routeKey = ({ destination }: PeerRoute) => destination.toString();
