import {
  listNeighbours,
  type Neighbour,
  NeighbourFlag,
  NeighbourState,
  type NewNeighbour,
} from "../rtnetlink/neighbour.ts";
import { AddressFamily } from "../rtnetlink/request.ts";
import { HopFlag, listRoutes, type RouteEntry, RouteScope, RouteTable, RouteType } from "../rtnetlink/route.ts";
import type { RouteSocket } from "../rtnetlink/socket.ts";
import type { Forwarding, KnownNeighbour, OverlayState, PeerRoute } from "./state.ts";

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
export function readState(route: RouteSocket, links: OverlayLinks): OverlayState {
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
export function toPeerRoute(
  { destination, gateway, link, protocol, priority, table }: RouteEntry,
  links: OverlayLinks,
): PeerRoute[] {
  if (protocol !== overlayProtocol || gateway === undefined || table !== RouteTable.main) return [];
  if (link === links.vxlan) return [{ destination, gateway }];
  return priority === links.vni ? [{ destination, gateway, direct: link }] : [];
}

/** A forwarding entry as the kernel keeps it. */
export function forwardingEntry({ vxlan }: OverlayLinks, { mac, peer }: Forwarding): NewNeighbour {
  const { permanent: state } = NeighbourState;
  const { self: flags } = NeighbourFlag;
  return { family: AddressFamily.bridge, link: vxlan, flags, state, mac, destination: peer };
}

export function neighbourEntry({ neighbours }: OverlayLinks, { address, mac }: KnownNeighbour): NewNeighbour {
  const { permanent: state } = NeighbourState;
  return { link: neighbours, destination: address, mac, state, protocol: overlayProtocol };
}

export function routeEntry({ vxlan, vni }: OverlayLinks, { destination, gateway, direct }: PeerRoute): RouteEntry {
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
