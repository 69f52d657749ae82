import { invalidConfig } from "../../cni/config.ts";
import { CniError, ErrorCode } from "../../cni/error.ts";
import { type ConfigOf, portMappings } from "../../cni/schema.ts";
import { Address, type Family } from "../../ip/address.ts";
import { readMappings } from "./mappings.ts";
import type { Publication } from "./publication.ts";

const gatewayModes = ["nat", "nat-unprotected", "routed", "isolated"] as const;

/** Keys by which a main plugin's configuration asks for masquerading, published ports and isolation. */
export const wishKeys = {
  ipMasq: { type: "boolean", description: "Masquerade what leaves the network" },
  ipMasqBackend: { enum: ["iptables", "nftables"], description: "Accepted; both mean nf_tables" },
  snatIP: { type: "string", description: "IPv4 source address for what leaves the network, instead of masquerading" },
  snatIPv6: { type: "string", description: "The same for IPv6" },
  isolate: { enum: [true, false, "strict"], description: "Whether other networks are kept out; strict: all others" },
  internal: { type: "boolean", description: "The network has no outside" },
  icc: { type: "boolean", description: "Whether its containers reach each other" },
  gatewayMode: { enum: gatewayModes, description: "How the network is reached from outside, as Docker's gateway mode" },
  trustedInterfaces: {
    type: "array",
    items: { type: "string" },
    description: "Interfaces whose packets reach the containers directly",
  },
} as const;

/** What of `runtimeConfig` belongs to {@link wishKeys}. */
export const wishRuntimeKeys = { portMappings } as const;

const schema = {
  type: "object",
  properties: { ...wishKeys, runtimeConfig: { type: "object", properties: wishRuntimeKeys } },
} as const;
export type WishConfig = ConfigOf<typeof schema>;

/** What of a publication follows from the configuration. */
export type Wishes = Pick<Publication, "masquerade" | "ports" | "isolation">;

/**
 * What a configuration asks of the packet filter.
 *
 * @param what what is being read, for errors.
 * @throws CniError (invalidConfig) when keys contradict each other.
 */
export function readWishes(config: WishConfig, what: string): Wishes {
  const { gatewayMode, internal = false, ipMasq = false, runtimeConfig } = config;
  if (gatewayMode === "isolated" && !internal) {
    throw clash(
      "gatewayMode isolated needs an internal network",
      "gatewayMode, internal",
      '"internal": true beside it',
    );
  }
  if (internal && ipMasq)
    throw clash("an internal network has nothing to masquerade", "internal, ipMasq", "one of them");
  const isRouted = gatewayMode === "routed";
  if (isRouted && ipMasq) throw clash("a routed network is not masqueraded", "gatewayMode, ipMasq", "one of them");
  const to = [readSource(config, what, "snatIP", 4), readSource(config, what, "snatIPv6", 6)].filter(
    (ip) => ip !== undefined,
  );
  const mappings = readMappings(runtimeConfig?.portMappings ?? [], what);
  return {
    ...((ipMasq || to.length > 0) && { masquerade: to.length > 0 ? { to } : {} }),
    ...(mappings.length > 0 && !internal && { ports: { mappings, ...(isRouted && { routed: true }) } }),
    ...isolationOf(config),
  };
}

/** Whether the host is to have no address on a network: Docker's gateway mode isolated. */
export function keepsHostOut({ gatewayMode }: WishConfig): boolean {
  return gatewayMode === "isolated";
}

/** Whether the containers of a network are to reach each other. */
export function reachEachOther({ icc = true }: WishConfig): boolean {
  return icc;
}

function isolationOf(config: WishConfig): Pick<Wishes, "isolation"> {
  const mode = isolationMode(config);
  if (mode === undefined) return {};
  const { trustedInterfaces: trusted } = config;
  return { isolation: { mode, betweenContainers: reachEachOther(config), ...(trusted && { trusted: [...trusted] }) } };
}

function isolationMode({ internal, gatewayMode, isolate }: WishConfig) {
  if (internal) return "internal";
  if (gatewayMode === "nat" || gatewayMode === "routed") return gatewayMode;
  if (gatewayMode !== undefined || !isolate) return undefined;
  return isolate === "strict" ? "strict" : "isolated";
}

function readSource(config: WishConfig, what: string, key: "snatIP" | "snatIPv6", family: Family): Address | undefined {
  const text = config[key];
  if (!text) return undefined;
  try {
    const address = Address.parse(text);
    if (address.family === family) return address;
  } catch {
    // refused below
  }
  throw invalidConfig(what, key, text, `an IPv${family} address of the host`);
}

function clash(message: string, paths: string, allowed: string): CniError {
  return new CniError(ErrorCode.invalidConfig, message, { details: `${paths}: found both, allowed: ${allowed}` });
}
