import { NetworkStack } from "../../src/attach/stack.ts";
import { NetlinkSocket } from "../../src/netlink/socket.ts";
import { getLink, OperState } from "../../src/rtnetlink/link.ts";
import type { Loop } from "./loop.ts";
import { type Place, peerOf } from "./place.ts";

const NETLINK_ROUTE = 0;
const RTMGRP_LINK = 1;
/** What is sent before is lost, and sent again two seconds later. */
const LONGEST_MS = 2000;

/** Waits until what a container's link sends gets through: to the end of its veth pair, and into the bridge there. */
export async function awaitCarrier(loop: Loop, place: Place, signal: AbortSignal): Promise<void> {
  const until = Date.now() + LONGEST_MS;
  await awaitUp(loop, place.stack, place.link.index, { until, signal });
  using host = NetworkStack.own();
  const peer = peerOf(host, place);
  // A bridge forwards what comes from a port as soon as the port is up (br_port_carrier_check in net/bridge/br_if.c).
  if (peer?.index !== undefined) await awaitUp(loop, host, peer.index, { until, signal });
}

async function awaitUp(
  loop: Loop,
  { namespace, route }: NetworkStack,
  index: number,
  { until, signal }: { readonly until: number; readonly signal: AbortSignal },
): Promise<void> {
  // Listening begins before the first look, so that no change is missed between them.
  using notices = namespace.run(() => new NetlinkSocket(NETLINK_ROUTE, RTMGRP_LINK));
  const good: unknown[] = [OperState.up, OperState.unknown, undefined];
  while (!good.includes(getLink(route, { index })?.operState)) {
    if (!(await loop.readable([notices.fd], until, signal))) return;
    notices.listen(1);
  }
}
