import type { Address } from "../../src/ip/address.ts";
import { ensureSysctl, trySysctl } from "../../src/linux/sysctl.ts";
import { NetlinkSocket } from "../../src/netlink/socket.ts";
import { AddressFlag, listAddresses } from "../../src/rtnetlink/address.ts";
import type { Loop } from "./loop.ts";
import type { Place } from "./place.ts";

const NETLINK_ROUTE = 0;
const RTMGRP_IPV6_IFADDR = 0x100;
/** Detection of duplicates takes up to two seconds, and the link may come up late. */
const LONGEST_MS = 10_000;

/**
 * Turns IPv6 on for a link, which is still down, perhaps. Its link-local address is there at once, without a look for
 * duplicates: the link's MAC is its own.
 */
export function prepareIPv6({ stack, link }: Place): void {
  stack.namespace.run(() => {
    ensureSysctl(`net/ipv6/conf/${link.name}/disable_ipv6`, 0);
    trySysctl(`net/ipv6/conf/${link.name}/accept_dad`, 0);
  });
}

/** The link-local address that a client of DHCPv6 speaks from, when it can be used. @throws Error when there is none in time. */
export async function awaitLinkLocal(loop: Loop, { stack, link }: Place, signal: AbortSignal): Promise<Address> {
  // Listening begins before the first look, so that no change is missed between them.
  using notices = stack.namespace.run(() => new NetlinkSocket(NETLINK_ROUTE, RTMGRP_IPV6_IFADDR));
  const deadline = Date.now() + LONGEST_MS;
  const unusable = AddressFlag.tentative | AddressFlag.dadFailed;
  for (;;) {
    const found = listAddresses(stack.route, link.index).find(
      ({ prefix, flags }) => prefix.family === 6 && prefix.address.isLinkLocal && (flags & unusable) === 0,
    );
    if (found !== undefined) return found.prefix.address;
    if (!(await loop.readable([notices.fd], deadline, signal))) {
      throw new Error(`Cannot use DHCPv6 on ${link.name}: it has no link-local address after ${LONGEST_MS / 1000} s`);
    }
    notices.listen(1);
  }
}
