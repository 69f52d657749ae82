import type { Result, Route } from "../cni/result.ts";
import type { Address } from "../ip/address.ts";
import { ensureSysctl, trySysctl } from "../linux/sysctl.ts";
import { unless } from "../netlink/error.ts";
import { AddressFlag, addAddress } from "../rtnetlink/address.ts";
import { setLinkUp } from "../rtnetlink/link.ts";
import { addRoute, type Hop, type RouteEntry, RouteTable } from "../rtnetlink/route.ts";
import type { NetworkStack } from "./stack.ts";

/** A link of a container, by index; its name for the kernel's settings. */
export interface ContainerLink {
  readonly index: number;
  readonly name: string;
}

/**
 * Gives a link the addresses and routes of a lease and sets it up.
 *
 * @param dad whether IPv6 duplicate address detection is wanted: the addresses are not usable for a second or two then
 *   (RFC 4862 section 5.4). Without it they are at once; the IPAM plugin answers for their being unique.
 */
export function configureInterface(container: NetworkStack, link: ContainerLink, lease: Result, dad = false): void {
  const addresses = lease.ips.map((ip) => ip.address);
  container.namespace.run(() =>
    prepareSettings(
      link.name,
      addresses.some(({ family }) => family === 6),
      dad,
    ),
  );
  for (const prefix of addresses) {
    addAddress(container.route, { index: link.index, prefix, flags: dad ? 0 : AddressFlag.noDad });
  }
  setLinkUp(container.route, link);
  for (const route of kernelRoutes(lease, link.index)) {
    unless(["EEXIST"], () => addRoute(container.route, route));
  }
}

function prepareSettings(name: string, ipv6: boolean, dad: boolean): void {
  trySysctl(`net/ipv4/conf/${name}/arp_notify`, 1);
  if (!ipv6) return;
  ensureSysctl("net/ipv6/conf/lo/disable_ipv6", 0);
  ensureSysctl(`net/ipv6/conf/${name}/disable_ipv6`, 0);
  trySysctl(`net/ipv6/conf/${name}/keep_addr_on_down`, 1);
  trySysctl(`net/ipv6/conf/${name}/ndisc_notify`, 1);
  if (dad) for (const setting of ["enhanced_dad", "accept_dad"]) ensureSysctl(`net/ipv6/conf/${name}/${setting}`, 1);
  // Our addresses pass detection by themselves (IFA_F_NODAD); without it the link-local one is there at once, too.
  else trySysctl(`net/ipv6/conf/${name}/accept_dad`, 0);
}

/**
 * A lease's routes as the kernel takes them. A route without a gateway goes by the first gateway of its family; several
 * gateways for one destination are one multipath route, and a route told twice is one.
 */
export function kernelRoutes({ ips, routes }: Result, link: number): RouteEntry[] {
  const key = ({ dst, table = RouteTable.main, priority = 0 }: Route) => `${dst.network} ${table} ${priority}`;
  const groups = Map.groupBy(routes, key);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const gateways = group.map(({ gw, dst }) => gw ?? ips.find((ip) => ip.gateway?.family === dst.family)?.gateway);
    return [{ ...routeSettings(first), destination: first.dst.network, ...nextHops(gateways, link) }];
  });
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
