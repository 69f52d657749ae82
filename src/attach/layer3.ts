import { unless } from "../netlink/error.ts";
import { AddressFlag, addAddress, deleteAddress, type LinkAddress, listAddresses } from "../rtnetlink/address.ts";
import {
  addRoute,
  HopFlag,
  listRoutes,
  type RouteEntry,
  RouteProtocol,
  RouteTable,
  RouteType,
} from "../rtnetlink/route.ts";
import type { NetworkStack } from "./stack.ts";

/** What a link has that goes away when it is taken down or moved, or goes to another table with it. */
export interface Layer3 {
  readonly addresses: readonly LinkAddress[];
  /** In an order in which they can be added: first those that others' gateways are found by. */
  readonly routes: readonly RouteEntry[];
}

/**
 * A link's addresses and routes, of all tables, but for those that the kernel makes by itself: link-local addresses, what
 * routers advertise, and the routes that follow from addresses.
 */
export function readLayer3(stack: NetworkStack, index: number): Layer3 {
  const addresses = listAddresses(stack.route, index).filter(
    ({ prefix, flags }) => flags & AddressFlag.permanent && !(prefix.family === 6 && prefix.address.isLinkLocal),
  );
  const automatic: unknown[] = [RouteProtocol.kernel, RouteProtocol.routerAdvertisement];
  return { addresses, routes: listLinkRoutes(stack, index).filter(({ protocol }) => !automatic.includes(protocol)) };
}

/**
 * The routes by one link, of all tables but the local one. Of a route over several links it is the ways by this one in
 * IPv6, where each can be taken out and put back by itself; in IPv4 such a route is left out.
 */
export function listLinkRoutes(stack: NetworkStack, index: number): RouteEntry[] {
  const routes = ([4, 6] as const).flatMap((family) => listRoutes(stack.route, family));
  const own = routes.filter(({ type, table }) => type === RouteType.unicast && table !== RouteTable.local);
  const byLink = own.flatMap((route) => waysBy(index, route)).map(settled);
  return byLink.sort((a, b) => Number(hasGateway(a)) - Number(hasGateway(b)));
}

function waysBy(index: number, route: RouteEntry): RouteEntry[] {
  const { destination, link, hops = [] } = route;
  if (link === index) return [route];
  const own = hops.filter((hop) => hop.link === index);
  if (own.length === 0 || (own.length < hops.length && destination.family === 4)) return [];
  const [first, ...others] = own;
  if (others.length > 0) return [{ ...route, hops: own }];
  const { hops: _, ...rest } = route;
  return [{ ...rest, ...(first?.gateway && { gateway: first.gateway }), flags: first?.flags ?? 0, link: index }];
}

/** Adds what is missing. An address that is there, but has to be found unique anew, is told to be: it was before. */
export function restoreLayer3(stack: NetworkStack, index: number, { addresses, routes }: Layer3): void {
  const present = listAddresses(stack.route, index);
  for (const { prefix, flags = 0, scope = 0 } of addresses) {
    const found = present.find((other) => other.prefix.equals(prefix));
    if (found !== undefined && !(found.flags & AddressFlag.tentative)) continue;
    if (found !== undefined) deleteAddress(stack.route, found);
    const kept = (flags & AddressFlag.noPrefixRoute) | (flags & AddressFlag.tentative ? 0 : AddressFlag.noDad);
    addAddress(stack.route, { index, prefix, flags: kept, scope });
  }
  for (const route of routes) unless(["EEXIST"], () => addRoute(stack.route, route));
}

function hasGateway({ gateway, hops }: RouteEntry): boolean {
  return gateway !== undefined || hops !== undefined;
}

/** Without what the kernel tells of the moment: that a link is down, or a way dead. */
function settled({ flags = 0, hops, ...route }: RouteEntry): RouteEntry {
  const ways = hops?.map((hop) => ({ ...hop, flags: (hop.flags ?? 0) & HopFlag.onlink }));
  return { ...route, flags: flags & HopFlag.onlink, ...(ways && { hops: ways }) };
}
