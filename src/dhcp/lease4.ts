import type { DNS, Route } from "../cni/result.ts";
import type { Address } from "../ip/address.ts";
import { Prefix } from "../ip/prefix.ts";
import type { Grant } from "./channel.ts";
import type { Lease } from "./lease.ts";
import { decodeMessage4 } from "./message4.ts";
import { decodeOptions4, type Options4 } from "./options4.ts";
import { leaseTimes } from "./times.ts";

/** With the server that is asked to prolong it. */
export interface Lease4 extends Lease {
  readonly server: Address;
  readonly options: Options4;
}

/** A lease without a time (BOOTP) is looked after as if it had this one. */
const USUAL_LEASE_S = 3600;
const LINK_SCOPE = 253;
/** The smallest that every link of IPv4 has (RFC 791), and that option 26 may say (RFC 2132 section 5.1). */
const SMALLEST_MTU = 68;

/** Which address who gave. @throws Error when the acknowledgement does not say. */
export function readGrant4(bytes: Buffer): { address: Address; server: Address; options: Options4 } {
  const message = decodeMessage4(bytes);
  const options = decodeOptions4(message?.options ?? new Map());
  if (message === undefined || message.yours.isUnspecified || options.server === undefined) {
    throw unusable("no address and server");
  }
  return { address: message.yours, server: options.server, options };
}

/** @throws Error when the acknowledgement lacks what an address cannot be used without. */
export function readLease4({ message: bytes, at }: Grant, priority?: number): Lease4 {
  const { address: own, server, options } = readGrant4(bytes);
  const { subnetMask, routers = [], mtu } = options;
  if (subnetMask === undefined) throw unusable("no subnet mask (option 1)");
  const address = new Prefix(own, maskLength(subnetMask));
  const [gateway] = routers;
  return {
    ip: { address, ...(gateway && { gateway }) },
    routes: routesOf(options).map((route) => ({ ...route, ...(priority !== undefined && { priority }) })),
    dns: dnsOf(options),
    ...(mtu !== undefined && mtu >= SMALLEST_MTU && { mtu }),
    times: leaseTimes(at, {
      lease: options.leaseTime ?? USUAL_LEASE_S,
      renew: options.renewalTime,
      rebind: options.rebindingTime,
    }),
    server,
    options,
  };
}

/** Those of option 121 alone where it is there (RFC 3442); else those of option 33, and the default route. */
function routesOf({ classlessRoutes, staticRoutes = [], routers = [] }: Options4): Route[] {
  if (classlessRoutes !== undefined) {
    return classlessRoutes.map(({ destination, router }) =>
      router.isUnspecified ? { dst: destination, scope: LINK_SCOPE } : { dst: destination, gw: router },
    );
  }
  const [gateway] = routers;
  // Option 33 cannot hold a default route (RFC 2132 section 5.8).
  const usable = staticRoutes.filter(({ destination }) => !destination.isDefault);
  return [
    ...usable.map(({ destination, router }) => ({ dst: destination, gw: router })),
    ...(gateway ? [{ dst: Prefix.all(4), gw: gateway }] : []),
  ];
}

function dnsOf({ nameServers, domainName = [], domainSearch }: Options4): DNS {
  const [domain] = domainName;
  const search = domainSearch ?? (domainName.length > 1 ? domainName : undefined);
  return {
    ...(nameServers && { nameservers: nameServers.map(String) }),
    ...(domain && { domain }),
    ...(search && { search }),
  };
}

function maskLength(mask: Address): number {
  const bits = mask.value.toString(2).padStart(32, "0");
  const length = bits.indexOf("0") < 0 ? 32 : bits.indexOf("0");
  if (bits.includes("01")) throw unusable(`a subnet mask of ${mask}`);
  return length;
}

function unusable(what: string): Error {
  return new Error(`Cannot use the DHCP server's acknowledgement: it has ${what}`);
}
