import type { Address } from "../ip/address.ts";
import type { Mac } from "../ip/mac.ts";
import type { Prefix } from "../ip/prefix.ts";

/** What an ADD made, in the shape of specification 1.1.0; other versions are converted from and to it when read and printed. */
export interface Result {
  interfaces: Interface[];
  ips: IPConfig[];
  routes: Route[];
  dns: DNS;
}

export interface Interface {
  name: string;
  mac?: Mac;
  /** In bytes. */
  mtu?: number;
  /** The network namespace (CNI_NETNS as it was given); absent: the host's. */
  sandbox?: string;
  socketPath?: string;
  pciID?: string;
}

export interface IPConfig {
  /** The address with its subnet's prefix length. */
  address: Prefix;
  gateway?: Address;
  /** Index into {@link Result.interfaces}; an IPAM plugin leaves it out. */
  interface?: number;
}

export interface Route {
  dst: Prefix;
  gw?: Address;
  /** Path MTU in bytes. */
  mtu?: number;
  /** TCP maximum segment size to advertise, in bytes. */
  advmss?: number;
  /** Metric: lower wins. */
  priority?: number;
  table?: number;
  /** 0 global, 253 link, 254 host. */
  scope?: number;
}

export interface DNS {
  nameservers?: readonly string[];
  domain?: string;
  search?: readonly string[];
  options?: readonly string[];
}

export function emptyResult(): Result {
  return { interfaces: [], ips: [], routes: [], dns: {} };
}
