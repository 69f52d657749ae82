import { CniError, ErrorCode } from "../cni/error.ts";
import type { Attachment } from "../cni/plugin.ts";
import type { Interface, IPConfig, Result, Route } from "../cni/result.ts";
import type { Address } from "../ip/address.ts";
import type { Mac } from "../ip/mac.ts";
import { ensureSysctl, readSysctl, trySysctl } from "../linux/sysctl.ts";
import { unless } from "../netlink/error.ts";
import { AddressFlag, addAddress } from "../rtnetlink/address.ts";
import { getLink, setLinkUp } from "../rtnetlink/link.ts";
import { addRoute, type Hop, type RouteEntry, RouteScope, RouteTable } from "../rtnetlink/route.ts";
import type { NetworkStack } from "./stack.ts";

/** A link of a container, by index; its name for the kernel's settings. */
export interface ContainerLink {
  readonly index: number;
  readonly name: string;
}

/** An attachment's interface as results tell it; its MTU as it is now, since a DHCP server may have told another. */
export function describeInterface(
  { route }: NetworkStack,
  { ifname: name, netns: sandbox = "" }: Attachment,
  { index, mac }: { readonly index: number; readonly mac: Mac },
): Interface {
  const mtu = getLink(route, { index })?.mtu;
  return { name, mac, ...(mtu && { mtu }), sandbox };
}

/**
 * Gives a link the addresses and routes of a lease, which may be none (layer 2), and sets it up.
 *
 * @param dad whether IPv6 duplicate address detection is wanted: the addresses are not usable for a second or two then
 *   (RFC 4862 section 5.4). Without it they are at once; the IPAM plugin answers for their being unique.
 */
export function configureInterface(container: NetworkStack, link: ContainerLink, lease: Result, dad = false): void {
  setUpWithAddresses(container, link, lease, dad ? 0 : AddressFlag.noDad);
  addRoutes(container, kernelRoutes(lease, link.index));
}

/**
 * Gives a link the addresses of a lease and sets it up.
 *
 * @param flags of {@link AddressFlag}, for each address; without `noDad`, detection is on.
 */
export function setUpWithAddresses(container: NetworkStack, link: ContainerLink, { ips }: Result, flags: number): void {
  const hasIPv6 = ips.some(({ address }) => address.family === 6);
  const dad = (flags & AddressFlag.noDad) === 0;
  if (ips.length > 0) container.namespace.run(() => prepareSettings(link.name, hasIPv6, dad));
  for (const { address } of ips) addAddress(container.route, { index: link.index, prefix: address, flags });
  setLinkUp(container.route, link);
}

/** Adds routes in their order; one that is there already is as good. */
export function addRoutes({ route: socket }: NetworkStack, routes: readonly RouteEntry[]): void {
  for (const route of routes) unless(["EEXIST"], () => addRoute(socket, route));
}

function prepareSettings(name: string, ipv6: boolean, dad: boolean): void {
  trySysctl(`net/ipv4/conf/${name}/arp_notify`, 1);
  if (!ipv6) return;
  if (readSysctl(`net/ipv6/conf/${name}/disable_ipv6`) === undefined) throw noIPv6(name);
  ensureSysctl("net/ipv6/conf/lo/disable_ipv6", 0);
  ensureSysctl(`net/ipv6/conf/${name}/disable_ipv6`, 0);
  trySysctl(`net/ipv6/conf/${name}/keep_addr_on_down`, 1);
  trySysctl(`net/ipv6/conf/${name}/ndisc_notify`, 1);
  if (dad) for (const setting of ["enhanced_dad", "accept_dad"]) ensureSysctl(`net/ipv6/conf/${name}/${setting}`, 1);
  // Our addresses pass detection by themselves (IFA_F_NODAD); without it the link-local one is there at once, too.
  else trySysctl(`net/ipv6/conf/${name}/accept_dad`, 0);
}

/** A link with an MTU below 1280 bytes has no IPv6 (RFC 8200 section 5), nor has any link of a kernel without it. */
function noIPv6(name: string): CniError {
  return new CniError(ErrorCode.invalidConfig, `Cannot give ${name} an IPv6 address: it has no IPv6`, {
    details: "mtu: allowed with IPv6 addresses: at least 1280, and a kernel with IPv6",
  });
}

/**
 * A lease's routes as the kernel takes them. Several gateways for one destination are one multipath route, and a route
 * told twice is one.
 */
export function kernelRoutes({ ips, routes }: Result, link: number): RouteEntry[] {
  const key = ({ dst, table = RouteTable.main, priority = 0 }: Route) => `${dst.network} ${table} ${priority}`;
  const groups = Map.groupBy(routes, key);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const gateways = group.map((route) => gatewayOf(route, ips));
    return [{ ...routeSettings(first), destination: first.dst.network, ...nextHops(gateways, link) }];
  });
}

/**
 * The gateway that a route goes by: its own, else the first of its family. None for a route whose scope is the link or
 * the host: what it leads to is there (rtnetlink.h), and the kernel refuses a gateway with it.
 */
export function gatewayOf({ dst, gw, scope = 0 }: Route, ips: readonly IPConfig[]): Address | undefined {
  if (gw !== undefined || scope >= RouteScope.link) return gw;
  return ips.find(({ gateway }) => gateway?.family === dst.family)?.gateway;
}

function nextHops(gateways: readonly (Address | undefined)[], link: number): Partial<RouteEntry> {
  const distinct = [...new Map(gateways.map((gateway) => [gateway?.toString(), gateway])).values()];
  const hops: Hop[] = distinct.map((gateway) => ({ link, ...(gateway && { gateway }) }));
  const [only, ...others] = hops;
  return others.length === 0 ? { ...only } : { hops };
}

function routeSettings({ mtu, advmss, priority, table, scope }: Route): Partial<RouteEntry> {
  const metrics = { ...(mtu && { mtu }), ...(advmss && { advmss }) };
  return {
    ...(Object.keys(metrics).length > 0 && { metrics }),
    ...(priority !== undefined && { priority }),
    ...(table !== undefined && { table }),
    ...(scope !== undefined && { scope }),
  };
}
