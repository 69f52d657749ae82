import { NetlinkSocket } from "../netlink/socket.ts";
import { getLink, type Link, OperState, readLink } from "../rtnetlink/link.ts";
import type { NetworkStack } from "./stack.ts";

const NETLINK_ROUTE = 0;
const RTMGRP_LINK = 1;

/**
 * Waits until a link is up, by listening to the kernel's notices.
 *
 * @throws Error after `milliseconds`, or when there is no such link (any more).
 */
export function waitUntilUp(stack: NetworkStack, name: string, milliseconds = 5000): void {
  // Listening begins before the first look, so that no change is missed between them.
  using notices = stack.namespace.run(() => new NetlinkSocket(NETLINK_ROUTE, RTMGRP_LINK));
  const deadline = performance.now() + milliseconds;
  for (;;) {
    const link = getLink(stack.route, { name });
    if (link === undefined) throw new Error(`Cannot use ${name}: it vanished`);
    if (link.operState === OperState.up) return;
    if (!awaitNotice(notices, link, deadline)) {
      throw new Error(`Cannot use ${name}: it is not up after ${milliseconds} ms (state ${link.operState})`);
    }
  }
}

/**
 * Looks for something among the links until it is there, at each of the kernel's notices.
 *
 * @returns undefined after `milliseconds`.
 */
export function waitForLink<T>(stack: NetworkStack, look: () => T | undefined, milliseconds: number): T | undefined {
  using notices = stack.namespace.run(() => new NetlinkSocket(NETLINK_ROUTE, RTMGRP_LINK));
  const deadline = performance.now() + milliseconds;
  for (;;) {
    const found = look();
    const rest = deadline - performance.now();
    if (found !== undefined || rest <= 0 || notices.listen(rest) === undefined) return found;
  }
}

/** Whether something became of a link, or may have, before the deadline. */
function awaitNotice(notices: NetlinkSocket, { index }: Link, deadline: number): boolean {
  for (;;) {
    const rest = deadline - performance.now();
    const messages = rest > 0 ? notices.listen(rest) : undefined;
    if (messages === undefined) return false;
    if (messages.length === 0 || messages.some(({ body }) => readLink(body).index === index)) return true;
  }
}
