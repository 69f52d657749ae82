import type { Difference } from "./difference.ts";

// What the tables of the bridge plugin share. They leave out what the suite of Debian 12 (v1.1.1) does not have:
// disableContainerInterface, portIsolation, vlanTrunk, preserveDefaultVlan, ipMasqBackend, and mtu, advmss, priority,
// table and scope of routes.

export const v4 = "10.9.0.0/24";
export const v6 = "fd00:9::/64";
export const router = { type: "bridge", isDefaultGateway: true } as const;

/** A CHECK that only the Go suite fails. */
export function goCheckFails(why: string): Difference {
  return { fact: /^\d+\. CHECK c1$/, go: /^fails$/, berth: /^succeeds$/, why };
}

/** Of a configuration without IPAM. */
export const checksLayer2 = goCheckFails("CHECK asks for an IPAM plugin, where layer 2 has none (26)");
