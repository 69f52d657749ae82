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

const defaults: FirewallConfig = {
  backend: undefined,
  adminChain: "CNI-ADMIN",
  zone: "trusted",
  ingressPolicy: "open",
};

/** An empty text is as if the key were absent. @throws CniError (invalidConfig). */
export function configure({ raw }: Network): FirewallConfig {
  const config = decodeConfig(schema, validate, raw, "firewall configuration");
  return {
    backend: config.backend || undefined,
    adminChain: config.iptablesAdminChainName || defaults.adminChain,
    zone: config.firewalldZone || defaults.zone,
    ingressPolicy: config.ingressPolicy || defaults.ingressPolicy,
  };
}

export function configureForRelease(): FirewallConfig {
  return defaults;
}
