import type { Family } from "../ip/address.ts";
import { listRoutes, type RouteEntry, RouteTable } from "../rtnetlink/route.ts";
import type { RouteSocket } from "../rtnetlink/socket.ts";

/** The default route that a stack prefers, of the first family that has one: the lowest metric wins. */
function findDefaultRoute(route: RouteSocket, families: readonly Family[] = [4, 6]): RouteEntry | undefined {
  for (const family of families) {
    const defaults = listRoutes(route, family, { table: RouteTable.main }).filter(
      (entry) => entry.destination.isDefault && entry.table === RouteTable.main && linkOf(entry) !== undefined,
    );
    const [best] = defaults.sort((a, b) => (a.priority ?? 0) - (b.priority ?? 0));
    if (best !== undefined) return best;
  }
  return undefined;
}

/** The index of the link that a default route leaves by; the first way of a multipath route. */
export function findDefaultLink(route: RouteSocket, families?: readonly Family[]): number | undefined {
  const entry = findDefaultRoute(route, families);
  return entry && linkOf(entry);
}

function linkOf({ link, hops }: RouteEntry): number | undefined {
  return link ?? hops?.[0]?.link;
}
