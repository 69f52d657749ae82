import { CniError, ErrorCode } from "../cni/error.ts";
import type { Attachment } from "../cni/plugin.ts";
import type { Interface, Result, Route } from "../cni/result.ts";
import { listAddresses } from "../rtnetlink/address.ts";
import { getLink, type Link } from "../rtnetlink/link.ts";
import { listRoutes, type RouteEntry, RouteTable } from "../rtnetlink/route.ts";
import { gatewayOf } from "./interface.ts";
import type { NetworkStack } from "./stack.ts";

/** A CHECK that found something other than what ADD left. */
export function mismatch(what: string, found: unknown, expected: unknown): CniError {
  return new CniError(ErrorCode.internal, `${what} is not as ADD left it`, {
    details: `${what}: found ${found ?? "nothing"}, expected ${expected}`,
  });
}

/** @throws CniError when CHECK came without the result of ADD. */
export function requirePrevResult({ prevResult }: Attachment): Result {
  if (prevResult !== undefined) return prevResult;
  throw new CniError(ErrorCode.invalidConfig, "Required prevResult missing", {
    details: "prevResult: found nothing, allowed: the result of ADD",
  });
}

/** The entry of a prevResult for the container's interface. @throws CniError when there is none. */
export function containerInterface(prevResult: Result, { ifname, netns }: Attachment): Interface {
  const entry = prevResult.interfaces.find(({ name, sandbox }) => name === ifname && sandbox);
  if (entry === undefined) throw mismatch(`prevResult's interface ${ifname}`, undefined, `one in ${netns}`);
  if (entry.sandbox !== netns) throw mismatch(`sandbox of ${ifname}`, entry.sandbox, netns);
  return entry;
}

/**
 * @param kind left out: any.
 * @throws CniError unless there is a link of that kind with the MAC that ADD told.
 */
export function checkLink(stack: NetworkStack, { name, mac }: Interface, kind?: string): Link {
  const link = getLink(stack.route, { name });
  if (link === undefined) throw mismatch(`interface ${name}`, undefined, kind === undefined ? "one" : `a ${kind}`);
  if (kind !== undefined && link.info?.kind !== kind)
    throw mismatch(`kind of ${name}`, link.info?.kind ?? "ether", kind);
  if (mac !== undefined && link.mac !== mac) throw mismatch(`MAC of ${name}`, link.mac, mac);
  return link;
}

/** {@link checkLink} of the container's interface, as a prevResult tells it. */
export function checkContainerLink(
  container: NetworkStack,
  attachment: Attachment,
  prevResult: Result,
  kind?: string,
): Link {
  return checkLink(container, containerInterface(prevResult, attachment), kind);
}

/** @throws CniError unless a link has the addresses, and its stack the routes, of a prevResult. */
export function checkLayer3(stack: NetworkStack, link: Link, prevResult: Result): void {
  checkAddresses(stack, link, prevResult);
  checkRoutes(stack, prevResult);
}

/** @throws CniError unless a link has the addresses that a prevResult gives it. */
export function checkAddresses(stack: NetworkStack, link: Link, { ips, interfaces }: Result): void {
  const present = listAddresses(stack.route, link.index).map(({ prefix }) => prefix);
  for (const { address, interface: index } of ips) {
    const other = index !== undefined && interfaces[index]?.name !== link.name;
    if (other || present.some((prefix) => prefix.equals(address))) continue;
    throw mismatch(`addresses of ${link.name}`, present.join(", ") || undefined, address);
  }
}

/**
 * Later plugins of a chain may move routes to other tables or links (sbr, vrf), so a route is looked for in all of them.
 *
 * @throws CniError unless the routes of a prevResult are there.
 */
export function checkRoutes(stack: NetworkStack, { ips, routes }: Result): void {
  const families = new Set(routes.map(({ dst }) => dst.family));
  const present = [...families].flatMap((family) => listRoutes(stack.route, family));
  for (const route of routes) {
    const gateway = gatewayOf(route, ips);
    if (present.some((entry) => isRoute(entry, { ...route, ...(gateway && { gw: gateway }) }))) continue;
    const via = gateway === undefined ? "" : ` via ${gateway}`;
    throw mismatch(`routes of the container`, undefined, `a route to ${route.dst}${via}`);
  }
}

function isRoute(entry: RouteEntry, { dst, gw, priority, table }: Route): boolean {
  if (!entry.destination.equals(dst.network)) return false;
  if (entry.table === RouteTable.local && table !== RouteTable.local) return false;
  if (priority !== undefined && priority !== 0 && entry.priority !== priority) return false;
  const gateways = [entry.gateway, ...(entry.hops ?? []).map(({ gateway }) => gateway)];
  return gw === undefined || gateways.some((gateway) => gateway?.equals(gw));
}
