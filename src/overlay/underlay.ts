import { invalidConfig } from "../cni/config.ts";
import type { Address, Family } from "../ip/address.ts";
import { unless } from "../netlink/error.ts";
import { listAddresses } from "../rtnetlink/address.ts";
import { getLink, type Link, LinkFlag } from "../rtnetlink/link.ts";
import { lookUpRoute, RouteScope } from "../rtnetlink/route.ts";
import type { RouteSocket } from "../rtnetlink/socket.ts";

/** What carries an overlay's packets from host to host. */
export interface Underlay {
  /** The link that packets to the other hosts leave by. */
  readonly link: Link & { mtu: number };
  /** This host's address on it. */
  readonly local: Address;
}

/** Bytes that VXLAN puts around a packet: Ethernet 14, VXLAN 8, UDP 8, and IPv4 20 or IPv6 40 (RFC 7348 section 5). */
export const overhead: Readonly<Record<Family, number>> = { 4: 50, 6: 70 };

/** How a configuration names the underlay; with none of these it is where the default route goes. */
export interface UnderlayChoice {
  readonly local?: Address | undefined;
  /** The name of a link. */
  readonly underlay?: string | undefined;
  /** Of the peers' addresses, where there are any. */
  readonly family?: Family | undefined;
  /** The index of the default route's link. */
  readonly defaultLink: (families: readonly Family[]) => number | undefined;
}

const what = "vxlan configuration";

/** @throws CniError (invalidConfig) when the host has no such address or link, or the link has no address. */
export function findUnderlay(route: RouteSocket, choice: UnderlayChoice): Underlay {
  const { local, underlay, family, defaultLink } = choice;
  const families: Family[] = family === undefined ? [4, 6] : [family];
  if (local !== undefined) return byAddress(route, local, defaultLink);
  if (underlay !== undefined) {
    const link = getLink(route, { name: underlay });
    if (link === undefined) throw invalidConfig(what, "underlay", underlay, "the name of a link of the host");
    return withAddress(route, link, families, "underlay");
  }
  const index = defaultLink(families);
  const link = index === undefined ? undefined : getLink(route, { index });
  if (link === undefined)
    throw invalidConfig(what, "underlay", undefined, "a link of the host, as there is no default route");
  return withAddress(route, link, families, "underlay");
}

export function isUp({ link }: Underlay): boolean {
  const flags = LinkFlag.up | LinkFlag.running;
  return (link.flags & flags) === flags;
}

function byAddress(route: RouteSocket, local: Address, defaultLink: UnderlayChoice["defaultLink"]): Underlay {
  const addresses = listAddresses(route);
  const found = addresses.find(({ prefix }) => prefix.address.equals(local));
  const link = found && getLink(route, { index: found.index });
  if (link === undefined) {
    const own = addresses.filter(({ scope }) => scope === RouteScope.universe).map(({ prefix }) => prefix.address);
    throw invalidConfig(what, "local", local, `an address of this host: ${own.join(", ") || "it has none"}`);
  }
  // An address on the loopback is routed to by way of some other link, whose MTU counts.
  const index = link.flags & LinkFlag.loopback ? defaultLink([local.family]) : undefined;
  return { link: sized(index === undefined ? link : (getLink(route, { index }) ?? link)), local };
}

function withAddress(route: RouteSocket, link: Link, families: readonly Family[], path: string): Underlay {
  const own = listAddresses(route, link.index).filter(({ scope }) => scope === RouteScope.universe);
  for (const family of families) {
    const address = own.find(({ prefix }) => prefix.family === family)?.prefix.address;
    if (address !== undefined) return { link: sized(link), local: address };
  }
  const kind = families.map((family) => `IPv${family}`).join(" or ");
  throw invalidConfig(what, path, `${link.name}, which has no ${kind} address`, `a link with an ${kind} address`);
}

/** Whether a peer is on a subnet of the host's own, so that packets to it need no router. @returns the link's index. */
export function findDirectLink(route: RouteSocket, peer: Address): number | undefined {
  const entry = unless(["ENETUNREACH", "EHOSTUNREACH", "EACCES"], () => lookUpRoute(route, peer));
  return entry === undefined || entry.gateway !== undefined ? undefined : entry.link;
}

function sized(link: Link): Underlay["link"] {
  return { ...link, mtu: link.mtu ?? 1500 };
}
