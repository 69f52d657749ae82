import { CniError, ErrorCode } from "../cni/error.ts";
import {
  appendForwarding,
  deleteNeighbour,
  listNeighbours,
  type Neighbour,
  NeighbourFlag,
  NeighbourState,
  setNeighbour,
} from "../rtnetlink/neighbour.ts";
import { AddressFamily } from "../rtnetlink/request.ts";
import {
  addRoute,
  deleteRoute,
  HopFlag,
  listRoutes,
  type RouteEntry,
  RouteScope,
  RouteTable,
  RouteType,
  replaceRoute,
} from "../rtnetlink/route.ts";
import type { RouteSocket } from "../rtnetlink/socket.ts";
import {
  type Changes,
  difference,
  type Forwarding,
  floodMac,
  forwardingKey,
  forwardingText,
  type KnownNeighbour,
  neighbourKey,
  neighbourText,
  type OverlayState,
  type PeerRoute,
  routeKey,
  routeText,
} from "./state.ts";

/**
 * Who made a route or neighbour (`ip route show proto 98`): a number that neither the kernel nor any routing daemon has
 * taken (linux/rtnetlink.h: RTPROT_*). By it entries are told from those that somebody else made on the same link.
 */
const overlayProtocol = 98;

/** The links that an overlay's entries are on, by index. */
export interface OverlayLinks {
  readonly vni: number;
  readonly vxlan: number;
  /** Where neighbours are kept: the bridge in mode l2, the VXLAN device in mode l3. */
  readonly neighbours: number;
}

/** What the kernel knows of an overlay's peers by us. */
function readState(route: RouteSocket, links: OverlayLinks): OverlayState {
  return {
    forwarding: listNeighbours(route, AddressFamily.bridge, links.vxlan).flatMap(toForwarding),
    neighbours: [AddressFamily.inet, AddressFamily.inet6].flatMap((family) =>
      listNeighbours(route, family, links.neighbours).filter(isOurs).flatMap(toNeighbour),
    ),
    routes: ([4, 6] as const).flatMap((family) =>
      listRoutes(route, family, { table: RouteTable.main }).flatMap((entry) => toPeerRoute(entry, links)),
    ),
  };
}

/**
 * Makes what the kernel knows of the peers what it should, changing only what differs. What is added comes first, in an
 * order in which no packet asks for what is not there yet; what is removed comes last, in the opposite one.
 *
 * @returns what was done, a line for each entry: `added route to 10.2.0.0/24 via 10.2.0.0`.
 * @throws CniError when somebody else has a route to a peer's subnet.
 */
export function reconcile(route: RouteSocket, links: OverlayLinks, desired: OverlayState): string[] {
  const present = readState(route, links);
  const forwarding = difference(present.forwarding, desired.forwarding, forwardingKey, forwardingText);
  const neighbours = difference(present.neighbours, desired.neighbours, neighbourKey, neighbourText);
  const routes = difference(present.routes, desired.routes, routeKey, routeText);

  if (routes.add.length > 0) refuseForeign(route, links, routes.add);
  for (const entry of [...forwarding.add, ...forwarding.change]) setForwarding(route, links, entry);
  for (const entry of [...neighbours.add, ...neighbours.change]) setKnownNeighbour(route, links, entry);
  for (const entry of routes.add) addRoute(route, toEntry(entry, links));
  for (const entry of routes.change) changePeerRoute(route, links, entry, present.routes);
  for (const entry of routes.remove) deleteRoute(route, toEntry(entry, links));
  for (const { address } of neighbours.remove) deleteNeighbour(route, { link: links.neighbours, destination: address });
  for (const { mac, peer } of forwarding.remove)
    deleteNeighbour(route, { ...forwardingEntry(links, mac), destination: peer });

  return [
    ...describe(forwarding, forwardingText),
    ...describe(neighbours, neighbourText),
    ...describe(routes, routeText),
  ];
}

/** What {@link reconcile} would do, as it would say it. */
export function describeDifferences(route: RouteSocket, links: OverlayLinks, desired: OverlayState): string[] {
  const present = readState(route, links);
  return [
    ...describe(difference(present.forwarding, desired.forwarding, forwardingKey, forwardingText), forwardingText),
    ...describe(difference(present.neighbours, desired.neighbours, neighbourKey, neighbourText), neighbourText),
    ...describe(difference(present.routes, desired.routes, routeKey, routeText), routeText),
  ];
}

function describe<T>({ add, change, remove }: Changes<T>, text: (entry: T) => string): string[] {
  return [
    ...add.map((entry) => `added ${text(entry)}`),
    ...change.map((entry) => `changed ${text(entry)}`),
    ...remove.map((entry) => `removed ${text(entry)}`),
  ];
}

/** Entries that were learned from traffic are not permanent; the bridge's own have no destination. */
function toForwarding({ mac, destination, state, flags }: Neighbour): Forwarding[] {
  const ours = (state & NeighbourState.permanent) !== 0 && (flags & NeighbourFlag.self) !== 0;
  return ours && mac !== undefined && destination !== undefined ? [{ mac, peer: destination }] : [];
}

function isOurs({ state, protocol }: Neighbour): boolean {
  return (state & NeighbourState.permanent) !== 0 && protocol === overlayProtocol;
}

function toNeighbour({ destination, mac }: Neighbour): KnownNeighbour[] {
  return destination === undefined || mac === undefined ? [] : [{ address: destination, mac }];
}

/** Routes past the tunnel are on a link that overlays share: their metric tells which one they belong to. */
function toPeerRoute(
  { destination, gateway, link, protocol, priority, table }: RouteEntry,
  links: OverlayLinks,
): PeerRoute[] {
  if (protocol !== overlayProtocol || gateway === undefined || table !== RouteTable.main) return [];
  if (link === links.vxlan) return [{ destination, gateway }];
  return priority === links.vni ? [{ destination, gateway, direct: link }] : [];
}

function toEntry({ destination, gateway, direct }: PeerRoute, { vxlan, vni }: OverlayLinks): RouteEntry {
  const common = {
    destination,
    gateway,
    protocol: overlayProtocol,
    type: RouteType.unicast,
    scope: RouteScope.universe,
  };
  if (direct !== undefined) return { ...common, link: direct, priority: vni };
  // The gateway is in no subnet of this host's: only its neighbour entry says where it is.
  return { ...common, link: vxlan, flags: HopFlag.onlink };
}

function forwardingEntry({ vxlan }: OverlayLinks, mac: string) {
  const flags = NeighbourFlag.self;
  return { family: AddressFamily.bridge, link: vxlan, flags, state: NeighbourState.permanent, mac };
}

function setForwarding(route: RouteSocket, links: OverlayLinks, { mac, peer }: Forwarding): void {
  const entry = { ...forwardingEntry(links, mac), destination: peer };
  if (mac === floodMac) appendForwarding(route, entry);
  else setNeighbour(route, entry);
}

function setKnownNeighbour(route: RouteSocket, { neighbours }: OverlayLinks, { address, mac }: KnownNeighbour): void {
  const state = NeighbourState.permanent;
  setNeighbour(route, { link: neighbours, destination: address, mac, state, protocol: overlayProtocol });
}

/** A route that somebody else made to a peer's subnet would compete with ours. */
function refuseForeign(route: RouteSocket, links: OverlayLinks, entries: readonly PeerRoute[]): void {
  for (const family of [4, 6] as const) {
    const others = listRoutes(route, family, { table: RouteTable.main }).filter(
      (entry) => entry.table === RouteTable.main && toPeerRoute(entry, links).length === 0,
    );
    const taken = entries.find(({ destination }) => others.some((other) => other.destination.equals(destination)));
    if (taken === undefined) continue;
    const { destination } = taken;
    throw new CniError(ErrorCode.invalidConfig, `Cannot route ${destination} to a peer: there is another route to it`, {
      details: `subnet: found ${destination}, allowed: a subnet to which this host has no route of its own`,
    });
  }
}

/** A route into the tunnel and one past it differ in link and metric: to the kernel these are two. */
function changePeerRoute(
  route: RouteSocket,
  links: OverlayLinks,
  entry: PeerRoute,
  present: readonly PeerRoute[],
): void {
  replaceRoute(route, toEntry(entry, links));
  for (const old of present) {
    if (old.destination.equals(entry.destination) && old.direct !== entry.direct)
      deleteRoute(route, toEntry(old, links));
  }
}
