import { addRoutes } from "../../src/attach/interface.ts";
import { NetworkStack } from "../../src/attach/stack.ts";
import type { Address } from "../../src/ip/address.ts";
import type { Mac } from "../../src/ip/mac.ts";
import type { Prefix } from "../../src/ip/prefix.ts";
import { AddressFlag, addAddress, deleteAddress, listAddresses } from "../../src/rtnetlink/address.ts";
import { getLink, type Link, type LinkRef } from "../../src/rtnetlink/link.ts";
import { listRoutes, type RouteEntry, RouteProtocol, RouteTable } from "../../src/rtnetlink/route.ts";
import type { LeaseRecord } from "./store.ts";

/** A container's link, from which the daemon speaks for it. */
export interface Place extends Disposable {
  readonly stack: NetworkStack;
  readonly link: Link & { mac: Mac };
}

/** The link of that name. @throws Error when there is none, or the namespace cannot be opened. */
export function openPlace(netns: string, ifname: string): Place {
  using undo = new DisposableStack();
  const stack = undo.use(NetworkStack.open(netns));
  const place = placeOf(stack, { name: ifname });
  if (place === undefined) throw new Error(`Cannot use DHCP for ${ifname}: ${netns} has no such Ethernet link`);
  undo.move();
  return place;
}

/**
 * The link that has an address, whatever its name is by now; undefined when there is none any more. A path is no proof: a
 * namespace may be gone, and another one be there.
 */
export function findPlace(netns: string, address: Address): Place | undefined {
  return findIn(netns, (stack) => {
    const found = listAddresses(stack.route).find(({ prefix }) => prefix.address.equals(address));
    return found && placeOf(stack, { index: found.index });
  });
}

/** The link of the attachment, while it has the MAC that servers know it by. */
export function findOwnPlace({ netns, ifname, mac }: LeaseRecord): Place | undefined {
  return findIn(netns, (stack) => {
    const place = placeOf(stack, { name: ifname });
    return place?.link.mac === mac ? place : undefined;
  });
}

/** What a link had of an address. */
export interface Taken {
  readonly prefix: Prefix;
  readonly routes: readonly RouteEntry[];
}

/** Takes an address from the link that has it; undefined when none has. */
export function takeAddress(netns: string, { address }: Prefix): Taken | undefined {
  using place = findPlace(netns, address);
  if (place === undefined) return undefined;
  const { stack, link } = place;
  // With the address go routes: the kernel forgets those that have no way any more.
  const routes = listRoutes(stack.route, address.family, { link: link.index }).filter(isSomebodys);
  const held = listAddresses(stack.route, link.index).find(({ prefix }) => prefix.address.equals(address));
  if (held === undefined) return undefined;
  deleteAddress(stack.route, held);
  return { prefix: held.prefix, routes };
}

export function restoreAddress({ stack, link }: Place, { prefix, routes }: Taken): void {
  const flags = prefix.family === 6 ? AddressFlag.noDad : 0;
  addAddress(stack.route, { index: link.index, prefix, flags });
  addRoutes(stack, routes);
}

/** A link of the host, as it may still be found after the container's has gone. */
export interface Segment {
  readonly name: string;
  readonly index: number;
  /** Of the tag that frames have there. */
  readonly vlan?: number | undefined;
}

/**
 * The link of the host by which frames from a container's link go on: the bridge that its veth pair ends at, or the master
 * of a macvlan, an ipvlan or a VLAN; undefined for all others.
 */
export function segmentOf(host: NetworkStack, place: Place): Segment | undefined {
  const { info } = place.link;
  const peer = peerOf(host, place);
  if (peer !== undefined) return peer.master ? nameOf(getLink(host.route, { index: peer.master })) : undefined;
  const isOnMaster = info?.kind === "macvlan" || info?.kind === "ipvlan" || info?.kind === "vlan";
  const master = isOnMaster ? nameOf(otherLink(host, place)) : undefined;
  return master && (info?.kind === "vlan" ? { ...master, vlan: info.data?.id } : master);
}

/** The end of a container's veth pair that is in the host. */
export function peerOf(host: NetworkStack, place: Place): Link | undefined {
  const { link } = place;
  const other = link.info?.kind === "veth" ? otherLink(host, place) : undefined;
  return other?.info?.kind === "veth" && other.link === link.index ? other : undefined;
}

function otherLink(host: NetworkStack, { link: { link: index, linkNamespaceId } }: Place): Link | undefined {
  // Without an identifier it is in the container.
  return index === undefined || linkNamespaceId === undefined ? undefined : getLink(host.route, { index });
}

function nameOf(link: Link | undefined): Segment | undefined {
  return link?.index === undefined ? undefined : { name: link.name, index: link.index };
}

/** Neither the kernel's own routes nor those of routers' advertisements. */
function isSomebodys({ protocol, table }: RouteEntry): boolean {
  return protocol !== RouteProtocol.kernel && protocol !== advertised && table !== RouteTable.local;
}

/** RTPROT_RA of linux/rtnetlink.h. */
const advertised = 9;

/** @returns undefined when the namespace has gone, or has no such place. */
function findIn(netns: string, look: (stack: NetworkStack) => Place | undefined): Place | undefined {
  using undo = new DisposableStack();
  const stack = tryOpen(netns);
  if (stack === undefined) return undefined;
  undo.use(stack);
  const place = look(stack);
  if (place !== undefined) undo.move();
  return place;
}

function tryOpen(netns: string): NetworkStack | undefined {
  try {
    return NetworkStack.open(netns);
  } catch {
    return undefined;
  }
}

/** Takes the stack over where there is such a link: of Ethernet, whose MAC has 6 bytes. */
function placeOf(stack: NetworkStack, ref: LinkRef): Place | undefined {
  const link = getLink(stack.route, ref);
  const { mac } = link ?? {};
  if (link === undefined || mac?.length !== "00:00:00:00:00:00".length) return undefined;
  return { stack, link: { ...link, mac }, [Symbol.dispose]: () => stack[Symbol.dispose]() };
}
