import { addRoutes, kernelRoutes, setUpWithAddresses } from "../../src/attach/interface.ts";
import { commonMark, ownerMark, ownerOf } from "../../src/attach/owner.ts";
import type { NetworkStack } from "../../src/attach/stack.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import type { Attachment } from "../../src/cni/plugin.ts";
import type { IPConfig, Result } from "../../src/cni/result.ts";
import { Address, type Family } from "../../src/ip/address.ts";
import { Prefix } from "../../src/ip/prefix.ts";
import { trySysctl } from "../../src/linux/sysctl.ts";
import { unless } from "../../src/netlink/error.ts";
import { AddressFlag, addAddress } from "../../src/rtnetlink/address.ts";
import { getLink, type Link } from "../../src/rtnetlink/link.ts";
import { HopFlag, lookUpRoute, type RouteEntry, RouteScope, replaceRoute } from "../../src/rtnetlink/route.ts";

/** The host's address towards a container whose IPAM plugin names no gateway: on a link of its own any will do. */
const linkGateway: Record<Family, Address> = { 4: Address.parse("169.254.1.1"), 6: Address.parse("fe80::1") };

type Gated = IPConfig & { readonly gateway: Address };
type GatedLease = Omit<Result, "ips"> & { readonly ips: Gated[] };

/** A lease whose addresses all have a gateway, and the host's link-local one where the IPAM plugin named none. */
export function withLinkGateways(lease: Result): GatedLease {
  return { ...lease, ips: lease.ips.map((ip) => ({ ...ip, gateway: ip.gateway ?? linkGateway[ip.address.family] })) };
}

/**
 * Sets up the container's end. Its neighbours in the subnet are not on its link but behind the gateway, so the route to
 * the subnet goes there, and an address comes without the kernel's own route.
 */
export function configureContainer(container: NetworkStack, link: Link, lease: GatedLease): void {
  setUpWithAddresses(container, link, lease, AddressFlag.noDad | AddressFlag.noPrefixRoute);
  addRoutes(
    container,
    lease.ips.flatMap((ip) => routesToSubnet(ip, link.index)),
  );
  addRoutes(
    container,
    kernelRoutes(lease, link.index).map((route) => withNeighboursOnLink(route, lease)),
  );
}

/**
 * A route by a neighbour in the subnet. The kernel looks for its gateway by the routes, finds it behind another gateway, and
 * refuses; where ARP or ND are answered for it, it can be reached all the same, so the kernel is told that it is on the link.
 */
function withNeighboursOnLink(route: RouteEntry, { ips }: GatedLease): RouteEntry {
  const isNeighbour = (address: Address | undefined) =>
    address !== undefined &&
    ips.some((ip) => ip.address.contains(address)) &&
    !ips.some(({ gateway }) => gateway.equals(address));
  const flagsFor = (address: Address | undefined) => isNeighbour(address) && { flags: HopFlag.onlink };
  const hops = route.hops?.map((hop) => ({ ...hop, ...flagsFor(hop.gateway) }));
  return { ...route, ...flagsFor(route.gateway), ...(hops && { hops }) };
}

/** Sets up the host's end: before the container's, so that a container's advertisements find a host that is deaf to them. */
export function prepareHost(host: NetworkStack, name: string): void {
  host.namespace.run(() => {
    for (const setting of ["accept_ra", "accept_dad"]) trySysctl(`net/ipv6/conf/${name}/${setting}`, 0);
  });
}

/** Gives the host's end the gateway's addresses, and the host a route to each of the container's. */
export function routeToContainer(host: NetworkStack, link: Link, { ips }: GatedLease): void {
  const { index } = link;
  for (const { address, gateway } of ips) {
    const scope = gateway.isLinkLocal ? RouteScope.link : RouteScope.universe;
    unless(["EEXIST"], () =>
      addAddress(host.route, { index, prefix: Prefix.host(gateway), flags: AddressFlag.noDad, scope }),
    );
    replaceRoute(host.route, { destination: Prefix.host(address.address), link: index, ...linkScope(address) });
  }
}

/** @throws CniError when the host reaches an address by another container's link: that container would lose it. */
export function refuseReached(host: NetworkStack, attachment: Attachment, { ips }: Result): void {
  const own = ownerMark(ownerOf(attachment));
  for (const { address } of ips) {
    const { link: index } =
      unless(["ENETUNREACH", "EHOSTUNREACH"], () => lookUpRoute(host.route, address.address)) ?? {};
    const link = index === undefined ? undefined : getLink(host.route, { index });
    const holder = link?.info?.kind === "veth" && link.alias !== own ? link.alias : undefined;
    if (!holder?.startsWith(commonMark)) continue;
    throw new CniError(ErrorCode.invalidConfig, `Cannot use ${address.address}: another container has it`, {
      details: `ips: found ${address.address} at ${holder.slice(commonMark.length)}, allowed: an address that no container on this host has`,
    });
  }
}

/** The routes that stand for the subnet's own, which would lead to neighbours that are not there. */
function routesToSubnet({ address, gateway }: Gated, link: number): RouteEntry[] {
  const preferredSource = address.address;
  const toGateway = { destination: Prefix.host(gateway), link, preferredSource, ...linkScope(address) };
  const isAlone = address.network.equals(Prefix.host(address.address));
  return isAlone ? [toGateway] : [toGateway, { destination: address.network, link, gateway, preferredSource }];
}

/** To IPv6 a scope means nothing. */
function linkScope({ family }: Prefix): { scope?: number } {
  return family === 4 ? { scope: RouteScope.link } : {};
}
