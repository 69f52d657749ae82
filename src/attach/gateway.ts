import { CniError, ErrorCode } from "../cni/error.ts";
import type { IPConfig, Result } from "../cni/result.ts";
import type { Family } from "../ip/address.ts";
import { Prefix } from "../ip/prefix.ts";
import { ensureSysctl } from "../linux/sysctl.ts";
import { unless } from "../netlink/error.ts";
import { AddressFlag, addAddress, deleteAddress, listAddresses } from "../rtnetlink/address.ts";
import type { Link } from "../rtnetlink/link.ts";
import type { NetworkStack } from "./stack.ts";

/** A lease whose addresses all have a gateway: the first address of the subnet where the IPAM plugin named none. */
export function withGateways(lease: Result): Result {
  return { ...lease, ips: lease.ips.map((ip) => ({ ...ip, gateway: ip.gateway ?? ip.address.first.plus(1n) })) };
}

/** A lease with a default route for each family that has addresses and no default route yet. */
export function withDefaultRoutes(lease: Result): Result {
  const families = [...new Set(lease.ips.map(({ address }) => address.family))];
  const missing = families.filter((family) => !lease.routes.some(({ dst }) => dst.isDefault && dst.family === family));
  const added = missing.map((family) => {
    const gateway = lease.ips.find(({ gateway }) => gateway?.family === family)?.gateway;
    return { dst: Prefix.all(family), ...(gateway && { gw: gateway }) };
  });
  return { ...lease, routes: [...lease.routes, ...added] };
}

/**
 * Gives a link of the host the gateway addresses of a lease. Disposing of it takes away those that were added here.
 *
 * @param force whether addresses that are in the way are replaced.
 * @throws CniError when the link has another address of the network's, and `force` is false.
 */
export function ensureGatewayAddresses(host: NetworkStack, link: Link, lease: Result, force: boolean): Disposable {
  const { index } = link;
  const wanted = gatewayPrefixes(lease.ips);
  const present = listAddresses(host.route, index).map(({ prefix }) => prefix);
  const conflicting = present.filter(
    (prefix) => !has(wanted, prefix) && wanted.some((gateway) => conflicts(gateway, prefix)),
  );
  if (conflicting[0] !== undefined && !force) throw otherAddress(link.name, wanted, conflicting);

  using undo = new DisposableStack();
  for (const prefix of conflicting) {
    deleteAddress(host.route, { index, prefix });
    undo.defer(() => addAddress(host.route, { index, prefix, flags: AddressFlag.noDad }));
  }
  if (wanted.some(({ family }) => family === 6)) {
    host.namespace.run(() => ensureSysctl(`net/ipv6/conf/${link.name}/disable_ipv6`, 0));
  }
  for (const prefix of wanted.filter((gateway) => !has(present, gateway))) {
    // A parallel ADD of the same network may have been quicker: then the address is not ours to take away.
    unless(["EEXIST"], () => {
      addAddress(host.route, { index, prefix, flags: AddressFlag.noDad });
      undo.defer(() => deleteAddress(host.route, { index, prefix }));
    });
  }
  return undo.move();
}

/** Lets the host pass on packets of the families that a lease has. */
export function enableForwarding(host: NetworkStack, lease: Result): void {
  const forwarding: Record<Family, string> = { 4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding" };
  const families = new Set(lease.ips.map(({ address }) => address.family));
  host.namespace.run(() => {
    for (const family of families) ensureSysctl(forwarding[family], 1);
  });
}

export function gatewayPrefixes(ips: readonly IPConfig[]): Prefix[] {
  return ips.flatMap(({ address, gateway }) => (gateway === undefined ? [] : [new Prefix(gateway, address.length)]));
}

/** IPv4: any other address; IPv6, where links have several: one in the same subnet (what the Go suite holds to). */
function conflicts(gateway: Prefix, present: Prefix): boolean {
  return gateway.family === present.family && (gateway.family === 4 || gateway.overlaps(present));
}

function has(prefixes: readonly Prefix[], prefix: Prefix): boolean {
  return prefixes.some((other) => other.equals(prefix));
}

function otherAddress(name: string, wanted: readonly Prefix[], found: readonly Prefix[]): CniError {
  const message = `failed to set bridge addr: "${name}" already has an IP address different from ${wanted.join(", ")}`;
  return new CniError(ErrorCode.invalidConfig, message, {
    details: `${name}: found ${found.join(", ")}, allowed: ${wanted.join(", ")}, or "forceAddress": true to replace it`,
  });
}
