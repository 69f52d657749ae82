import { CniError, ErrorCode } from "../cni/error.ts";
import { appendForwarding, deleteNeighbour, setNeighbour } from "../rtnetlink/neighbour.ts";
import { addRoute, deleteRoute, listRoutes, RouteTable, replaceRoute } from "../rtnetlink/route.ts";
import type { RouteSocket } from "../rtnetlink/socket.ts";
import { forwardingEntry, neighbourEntry, type OverlayLinks, readState, routeEntry, toPeerRoute } from "./entries.ts";
import {
  type Changes,
  difference,
  type Forwarding,
  floodMac,
  forwardingKey,
  forwardingText,
  neighbourKey,
  neighbourText,
  type OverlayState,
  type PeerRoute,
  routeKey,
  routeText,
} from "./state.ts";

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
  for (const entry of [...neighbours.add, ...neighbours.change]) setNeighbour(route, neighbourEntry(links, entry));
  for (const entry of routes.add) addRoute(route, routeEntry(links, entry));
  for (const entry of routes.change) changePeerRoute(route, links, entry, present.routes);
  for (const entry of routes.remove) deleteRoute(route, routeEntry(links, entry));
  for (const { address } of neighbours.remove) deleteNeighbour(route, { link: links.neighbours, destination: address });
  for (const entry of forwarding.remove) deleteNeighbour(route, forwardingEntry(links, entry));

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

/** A packet for everybody goes to all peers: each of them is one more entry of its address. */
function setForwarding(route: RouteSocket, links: OverlayLinks, entry: Forwarding): void {
  if (entry.mac === floodMac) appendForwarding(route, forwardingEntry(links, entry));
  else setNeighbour(route, forwardingEntry(links, entry));
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
  replaceRoute(route, routeEntry(links, entry));
  for (const old of present) {
    if (old.destination.equals(entry.destination) && old.direct !== entry.direct)
      deleteRoute(route, routeEntry(links, old));
  }
}
