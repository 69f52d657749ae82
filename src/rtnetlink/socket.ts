import type { NetworkNamespace } from "../linux/namespace.ts";
import { NetlinkSocket } from "../netlink/socket.ts";

const NETLINK_ROUTE = 0;

/** A route socket: links, addresses, routes, rules and neighbours of one network namespace. */
export type RouteSocket = NetlinkSocket;

/**
 * Opens a route socket, which stays in its namespace wherever the thread goes.
 *
 * @param namespace the thread's own where left out.
 */
export function openRouteSocket(namespace?: NetworkNamespace): RouteSocket {
  const open = () => new NetlinkSocket(NETLINK_ROUTE);
  return namespace === undefined ? open() : namespace.run(open);
}
