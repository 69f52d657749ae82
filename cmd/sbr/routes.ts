import { listLinkRoutes } from "../../src/attach/layer3.ts";
import type { NetworkStack } from "../../src/attach/stack.ts";
import { Prefix } from "../../src/ip/prefix.ts";
import { unless } from "../../src/netlink/error.ts";
import type { Link } from "../../src/rtnetlink/link.ts";
import {
  addRoute,
  deleteRoute,
  type RouteEntry,
  RouteScope,
  RouteTable,
  replaceRoute,
} from "../../src/rtnetlink/route.ts";
import { addRule, deleteRule } from "../../src/rtnetlink/rule.ts";
import type { Source } from "./source.ts";

/** Has what comes from an address look in its table. Disposing of it takes that back. */
export function addSourceRule(container: NetworkStack, { address, table }: Source): Disposable {
  const { family } = address;
  const rule = { source: Prefix.host(address.address), table };
  using undo = new DisposableStack();
  undo.defer(() => deleteRule(container.route, family, rule));
  unless(["EEXIST"], () => addRule(container.route, family, rule));
  return undo.move();
}

/** The routes that an interface has in the main table, of the families of the sources. */
export function listMainRoutes(container: NetworkStack, { index }: Link, sources: readonly Source[]): RouteEntry[] {
  const families = new Set(sources.map(({ address }) => address.family));
  const isOurs = ({ table, destination }: RouteEntry) => table === RouteTable.main && families.has(destination.family);
  return listLinkRoutes(container, index).filter(isOurs);
}

/**
 * Gives the tables of the sources a default route each, and the routes that the interface has in the main table, which
 * loses them. Disposing of it takes that back.
 *
 * @param routes of {@link listMainRoutes}.
 * @param keepSubnets whether routes to the sources' subnets stay in the main table, with the address to use as source.
 */
export function moveRoutes(
  container: NetworkStack,
  link: Link,
  sources: readonly Source[],
  routes: readonly RouteEntry[],
  keepSubnets: boolean,
): Disposable {
  using undo = new DisposableStack();
  undo.defer(() => putRoutesBack(container, link, sources, routes));
  for (const source of sources) fillTable(container, link, source, routes, sources);
  for (const route of routes) if (!staysInMain(route, keepSubnets)) deleteRoute(container.route, route);
  const hints = keepSubnets ? sources.flatMap((source) => subnetRoute(source, link.index)) : [];
  for (const route of hints) replaceRoute(container.route, route);
  return undo.move();
}

/** Empties the sources' tables, and gives the main table the routes back that it had. */
export function putRoutesBack(
  container: NetworkStack,
  { index }: Pick<Link, "index">,
  sources: readonly Pick<Source, "address" | "table">[],
  routes: readonly RouteEntry[],
): void {
  for (const source of sources) for (const route of subnetRoute(source, index)) deleteRoute(container.route, route);
  const tables = sources.map(({ table }) => table);
  // In reverse: first those that go by a gateway.
  for (const route of listLinkRoutes(container, index).reverse()) {
    if (tables.includes(route.table ?? RouteTable.main)) deleteRoute(container.route, route);
  }
  // Addresses that somebody took away meanwhile were what some of them went by.
  const ways = routes.map((route) => pointTo(index, route));
  for (const route of ways) unless(addressGone, () => addRoute(container.route, route));
}

const addressGone = ["EEXIST", "EINVAL", "ENETUNREACH", "EHOSTUNREACH", "ENETDOWN"];

function pointTo(link: number, { hops, ...route }: RouteEntry): RouteEntry {
  return hops === undefined ? { ...route, link } : { ...route, hops: hops.map((hop) => ({ ...hop, link })) };
}

function fillTable(
  container: NetworkStack,
  { index: link }: Link,
  source: Source,
  routes: readonly RouteEntry[],
  sources: readonly Source[],
): void {
  const { table, gateway, fixed } = source;
  const { family } = source.address;
  const defaultRoute = { destination: Prefix.all(family), table, link };
  if (gateway !== undefined) addRoute(container.route, { ...defaultRoute, gateway });
  for (const route of routes) {
    if (route.destination.family !== family || (fixed && route.destination.isDefault)) continue;
    const nobodys = !sources.some((other) => isOf(route, other));
    // What the IPAM plugin said of the default route is more than that there is a gateway.
    if (isOf(route, source) || nobodys) replaceRoute(container.route, { ...route, table });
  }
}

/** A route is of the sources in whose subnet its own source, or its gateway, is; without either, of all. */
function isOf({ destination, preferredSource, gateway, hops = [] }: RouteEntry, { address }: Source): boolean {
  if (destination.family !== address.family) return false;
  const points = [preferredSource, gateway, ...hops.map((hop) => hop.gateway)].filter((point) => point !== undefined);
  return points.length === 0 || points.some((point) => address.contains(point));
}

/** Link-local addresses, which no rule is about, are reached by the main table. */
function staysInMain({ destination, scope }: RouteEntry, keepSubnets: boolean): boolean {
  if (destination.family === 6) return destination.address.isLinkLocal;
  return keepSubnets && scope === RouteScope.link;
}

function subnetRoute({ address }: Pick<Source, "address">, link: number): RouteEntry[] {
  if (address.network.equals(Prefix.host(address.address))) return [];
  const scope = address.family === 4 ? { scope: RouteScope.link } : {};
  return [{ destination: address.network, link, preferredSource: address.address, ...scope }];
}
