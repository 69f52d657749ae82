import { NetworkStack } from "../../src/attach/stack.ts";
import type { Address } from "../../src/ip/address.ts";
import type { Mac } from "../../src/ip/mac.ts";
import type { Prefix } from "../../src/ip/prefix.ts";
import { deleteAddress, listAddresses } from "../../src/rtnetlink/address.ts";
import { getLink, type Link } from "../../src/rtnetlink/link.ts";

/** A container's link, from which the daemon speaks for it. */
export interface Place extends Disposable {
  readonly stack: NetworkStack;
  readonly link: Link & { mac: Mac };
}

/** The link of that name. @throws Error when there is none, or the namespace cannot be opened. */
export function openPlace(netns: string, ifname: string): Place {
  using undo = new DisposableStack();
  const stack = undo.use(NetworkStack.open(netns));
  const link = withMac(getLink(stack.route, { name: ifname }));
  if (link === undefined)
    throw new Error(`Cannot ask for an address for ${ifname}: ${netns} has no such Ethernet link`);
  const open = undo.move();
  return { stack, link, [Symbol.dispose]: () => open.dispose() };
}

/**
 * The link that has an address, whatever its name is by now; undefined when there is none any more. A path is no proof: a
 * namespace may be gone, and another one be there.
 */
export function findPlace(netns: string, address: Address): Place | undefined {
  using undo = new DisposableStack();
  const stack = undo.use(openStack(netns));
  if (stack === undefined) return undefined;
  const found = listAddresses(stack.route).find(({ prefix }) => prefix.address.equals(address));
  const link = found && withMac(getLink(stack.route, { index: found.index }));
  if (link === undefined) return undefined;
  const open = undo.move();
  return { stack, link, [Symbol.dispose]: () => open.dispose() };
}

/** Takes an address from the link that has it. */
export function removeAddress(netns: string, prefix: Prefix): void {
  using place = findPlace(netns, prefix.address);
  if (place === undefined) return;
  const found = listAddresses(place.stack.route, place.link.index).filter((held) =>
    held.prefix.address.equals(prefix.address),
  );
  for (const { index, prefix } of found) deleteAddress(place.stack.route, { index, prefix });
}

/** A link of the host, as it may still be found after the container's has gone. */
export interface Segment {
  readonly name: string;
  readonly index: number;
}

/**
 * The link of the host by which frames from a container's link go on: the bridge that its veth pair ends at, or the master
 * of a macvlan or an ipvlan; undefined for all others.
 */
export function segmentOf(host: NetworkStack, { link }: Place): Segment | undefined {
  const { link: index, linkNamespaceId, info } = link;
  // Without an identifier the other link is in the container.
  if (index === undefined || linkNamespaceId === undefined) return undefined;
  const other = getLink(host.route, { index });
  if (info?.kind === "macvlan" || info?.kind === "ipvlan") return other && { name: other.name, index };
  const isPeer = info?.kind === "veth" && other?.info?.kind === "veth" && other.link === link.index;
  const bridge = isPeer && other.master ? getLink(host.route, { index: other.master }) : undefined;
  return bridge?.index === undefined ? undefined : { name: bridge.name, index: bridge.index };
}

function openStack(netns: string): NetworkStack | undefined {
  try {
    return NetworkStack.open(netns);
  } catch {
    return undefined;
  }
}

function withMac(link: Link | undefined): (Link & { mac: Mac }) | undefined {
  return link?.mac?.length === 17 ? { ...link, mac: link.mac } : undefined;
}
