import { invalidConfig } from "../cni/config.ts";
import { Address } from "../ip/address.ts";
import { Prefix } from "../ip/prefix.ts";
import { ensureSysctl, trySysctl } from "../linux/sysctl.ts";
import { unless } from "../netlink/error.ts";
import { AddressFlag, addAddress, listAddresses } from "../rtnetlink/address.ts";
import { macvlanModes } from "../rtnetlink/kinds/macvlan.ts";
import { addLink, deleteLink, getLink, type Link, LinkFlag } from "../rtnetlink/link.ts";
import { makeMarkedLink } from "../rtnetlink/markedlink.ts";
import { deleteRoute, RouteScope, replaceRoute } from "../rtnetlink/route.ts";
import { hash, unfinishedName } from "./owner.ts";
import type { NetworkStack } from "./stack.ts";

/**
 * The kernel lets no packet pass between a link and the macvlan interfaces on it. A macvlan of the host's own on the
 * same parent is their equal: through this shim, and a route to each container, the host reaches them.
 */
const shimAlias = "berth/shim";

/** A container's address, and the one that the host has on the same network. */
export interface HostPath {
  readonly container: Address;
  readonly host: Address;
}

/**
 * Pairs each address of a container with the host's: one of `given`, else one that the parent has in that subnet.
 *
 * @throws CniError when the host has none: the container could not answer it.
 */
export function findHostPaths(
  host: NetworkStack,
  parent: Link,
  containers: readonly Prefix[],
  given: readonly Address[],
): HostPath[] {
  const own = listAddresses(host.route, parent.index).map(({ prefix }) => prefix.address);
  return containers.map((prefix) => {
    const address = [...given, ...own].find((candidate) => prefix.contains(candidate));
    if (address !== undefined) return { container: prefix.address, host: address };
    const found = `hostAccess for ${prefix}, and on ${parent.name} ${own.join(", ") || "no address"}`;
    const allowed = `an address in ${prefix.network} on ${parent.name}, or a free one in "hostAddresses"`;
    throw invalidConfig("macvlan configuration", "hostAddresses", found, allowed);
  });
}

/** Makes the shim on a parent if there is none, and routes through it. To be called under the parent's lock. */
export function grantHostAccess(host: NetworkStack, parent: Link, paths: readonly HostPath[]): void {
  const name = shimName(parent.name);
  const index = getLink(host.route, { name })?.index ?? makeShim(host, parent, name);
  for (const { container, host: address } of paths) {
    const prefix = Prefix.host(address);
    // IPv6 answers solicitations for a link's own addresses only; for IPv4 any address of the host's would do.
    unless(["EEXIST"], () => addAddress(host.route, { index, prefix, flags: AddressFlag.noDad }));
    const destination = Prefix.host(container);
    replaceRoute(host.route, { destination, link: index, scope: scopeOf(container), preferredSource: address });
  }
}

/** @param addresses of containers, as text. */
export function removeHostRoutes(host: NetworkStack, parent: string, addresses: readonly string[]): void {
  const shim = addresses.length === 0 ? undefined : getLink(host.route, { name: shimName(parent) });
  if (shim === undefined) return;
  for (const text of addresses) {
    deleteRoute(host.route, { destination: Prefix.host(Address.parse(text)), link: shim.index });
  }
}

/** To be called under the parent's lock. */
export function removeShim(host: NetworkStack, parent: string): void {
  const name = shimName(parent);
  const shim = getLink(host.route, { name });
  // An ADD may have been killed over it.
  if (shim === undefined) deleteLink(host.route, { name: unfinishedName(name) });
  if (shim?.alias === shimAlias) deleteLink(host.route, shim);
}

function shimName(parent: string): string {
  return `shim${hash(parent).slice(0, 11)}`;
}

function makeShim(host: NetworkStack, parent: Link, name: string): number {
  const naming = { name, alias: shimAlias, flags: LinkFlag.up, change: LinkFlag.up };
  const shim = makeMarkedLink(host.route, unfinishedName(name), naming, (unfinished) => {
    const info = { kind: "macvlan", data: { mode: macvlanModes.bridge } } as const;
    addLink(host.route, { name: unfinished, link: parent.index, info }, name);
    host.namespace.run(() => {
      // The host's address is on the parent as well. Others on the segment are to find it there: the shim answers ARP
      // only for those that are reached through it.
      ensureSysctl(`net/ipv4/conf/${unfinished}/arp_filter`, 1);
      trySysctl(`net/ipv6/conf/${unfinished}/accept_ra`, 0);
    });
  });
  return shim.index;
}

function scopeOf({ family }: Address): number {
  return family === 4 ? RouteScope.link : RouteScope.universe;
}
