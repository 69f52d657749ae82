import { invalidConfig, readAs } from "../../cni/config.ts";
import type { PortMapping as PortMappingConfig } from "../../cni/schema.ts";
import { Address } from "../../ip/address.ts";
import type { Prefix } from "../../ip/prefix.ts";
import { NetlinkError } from "../../netlink/error.ts";
import { lookUpRoute, RouteType } from "../../rtnetlink/route.ts";
import type { RouteSocket } from "../../rtnetlink/socket.ts";
import { type PortMapping, type Protocol, protocols } from "./publication.ts";

const path = (i: number, key: string) => `runtimeConfig.portMappings[${i}].${key}`;
const lastPort = 65535;

/**
 * The port mappings of a configuration, checked as far as that is possible without the kernel.
 *
 * @param what whose configuration it is, for the error: `portmap configuration`.
 * @throws CniError (invalidConfig).
 */
export function readMappings(mappings: readonly PortMappingConfig[], what: string): PortMapping[] {
  const read = mappings.map((mapping, i): PortMapping => {
    const { hostPort, containerPort, protocol = "", hostIP = "" } = mapping;
    const range = mapping.range || 1;
    for (const [key, port] of Object.entries({ hostPort, containerPort })) {
      const most = lastPort - range + 1;
      if (port < 1 || port > most) throw invalidConfig(what, path(i, key), port, `an integer from 1 to ${most}`);
    }
    const address = hostIP === "" ? undefined : readAddress(hostIP, i, what);
    return {
      protocol: readProtocol(protocol, i, what),
      hostPort,
      containerPort,
      ...(range > 1 && { range }),
      ...(address && { hostIP: address }),
    };
  });
  refuseAmbiguous(read, what);
  return read;
}

function readProtocol(text: string, i: number, what: string): Protocol {
  const name = text.toLowerCase() || "tcp";
  if (Object.hasOwn(protocols, name)) return name as Protocol;
  throw invalidConfig(what, path(i, "protocol"), text, Object.keys(protocols).join(", "));
}

function readAddress(text: string, i: number, what: string): Address {
  const address = readAs(Address.parse, what, path(i, "hostIP"), text, "an IPv4 or IPv6 address of the host");
  if (address.family === 6 && address.isLoopback) {
    const allowed = "an address but ::1, from which the kernel lets nothing be routed to a container";
    throw invalidConfig(what, path(i, "hostIP"), text, allowed);
  }
  return address;
}

/** The same port of the host, told twice with different meanings: sorted, one of two such comes right after the other. */
function refuseAmbiguous(mappings: readonly PortMapping[], what: string): void {
  const meaningOf = ({ protocol, hostIP, hostPort, containerPort, range = 1 }: PortMapping) =>
    `${protocol} ${hostIP ?? ""} ${hostPort} ${containerPort} ${range}`;
  const different = new Map(mappings.map((mapping, i) => [meaningOf(mapping), { mapping, i }]));
  const groups = Map.groupBy(different.values(), ({ mapping: { protocol, hostIP } }) => `${protocol} ${hostIP ?? ""}`);
  for (const group of groups.values()) {
    const sorted = group.sort((a, b) => a.mapping.hostPort - b.mapping.hostPort);
    for (const [at, { mapping, i }] of sorted.entries()) {
      const next = sorted[at + 1];
      if (next === undefined || next.mapping.hostPort >= mapping.hostPort + (mapping.range ?? 1)) continue;
      const later = Math.max(i, next.i);
      throw invalidConfig(what, path(later, "hostPort"), mappings[later]?.hostPort, "a port that no other entry has");
    }
  }
}

/**
 * The mappings that a container with these addresses can serve. An entry for all IPv4 or all IPv6 addresses of the host
 * is passed over for a container that has none of the family, as the Go suite does; one for a certain address is not.
 *
 * @throws CniError (invalidConfig) when a hostIP is no address of this host, or of a family that the container lacks.
 */
export function servedMappings(
  route: RouteSocket,
  mappings: readonly PortMapping[],
  addresses: readonly Prefix[],
  what: string,
): PortMapping[] {
  return mappings.filter(({ hostIP }, i) => {
    if (hostIP === undefined) return true;
    const served = addresses.some(({ family }) => family === hostIP.family);
    if (hostIP.isUnspecified) return served;
    const families = [...new Set(addresses.map(({ family }) => `IPv${family}`))].join(" or ");
    if (!served) {
      throw invalidConfig(
        what,
        path(i, "hostIP"),
        String(hostIP),
        `an ${families} address: the container has no other`,
      );
    }
    if (!isOfHost(route, hostIP))
      throw invalidConfig(what, path(i, "hostIP"), String(hostIP), "an address of this host");
    return true;
  });
}

function isOfHost(route: RouteSocket, address: Address): boolean {
  try {
    return lookUpRoute(route, address).type === RouteType.local;
  } catch (error) {
    if (error instanceof NetlinkError) return false;
    throw error;
  }
}
