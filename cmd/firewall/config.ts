import { validate } from "../../build/generated/firewall.js";
import { decodeConfig } from "../../src/cni/config.ts";
import type { Network } from "../../src/cni/plugin.ts";
import { schema } from "./schema.ts";

/** The configuration of the firewall plugin. */
export interface FirewallConfig {
  /** undefined: whichever is in use. */
  readonly backend: "nftables" | "iptables" | "firewalld" | undefined;
  readonly adminChain: string;
  readonly zone: string;
  readonly ingressPolicy: "open" | "same-bridge" | "isolated";
}

/** @throws CniError (invalidConfig). */
export function configure({ raw }: Network): FirewallConfig {
  const config = decodeConfig(schema, validate, raw, "firewall configuration");
  const { iptablesAdminChainName: adminChain = "CNI-ADMIN", firewalldZone: zone = "trusted" } = config;
  return { backend: config.backend || undefined, adminChain, zone, ingressPolicy: config.ingressPolicy || "open" };
}

export function configureForRelease(): FirewallConfig {
  return { backend: undefined, adminChain: "CNI-ADMIN", zone: "trusted", ingressPolicy: "open" };
}
