import { NetlinkSocket } from "../netlink/socket.ts";
import { getLink, OperState, readLink } from "../rtnetlink/link.ts";
import type { NetworkStack } from "./stack.ts";

const NETLINK_ROUTE = 0;
const RTMGRP_LINK = 1;
const RTM_NEWLINK = 16;

/**
 * Waits until a link is up, by listening to the kernel's notices.
 *
 * @throws Error after `milliseconds`.
 */
export function waitUntilUp(stack: NetworkStack, name: string, milliseconds = 5000): void {
  // Listening begins before the first look, so that no change is missed between them.
  using notices = stack.namespace.run(() => new NetlinkSocket(NETLINK_ROUTE, RTMGRP_LINK));
  const deadline = performance.now() + milliseconds;
  let state = getLink(stack.route, { name })?.operState;
  while (state !== OperState.up) {
    const rest = deadline - performance.now();
    if (rest <= 0) throw new Error(`Cannot use ${name}: it is not up after ${milliseconds} ms (state ${state})`);
    for (const { type, body } of notices.listen(rest) ?? []) {
      const link = type === RTM_NEWLINK ? readLink(body) : undefined;
      if (link?.name === name) state = link.operState;
    }
  }
}
