import { validate } from "../../build/generated/ptp.js";
import { keepsHostOut, readWishes, type Wishes } from "../../src/attach/firewall/wishes.ts";
import { ipamTypeIn } from "../../src/attach/lease.ts";
import type { Limits } from "../../src/attach/limits.ts";
import { readLimits } from "../../src/attach/limitsconfig.ts";
import { decodeConfig, invalidConfig } from "../../src/cni/config.ts";
import type { Network } from "../../src/cni/plugin.ts";
import { type PtpSchema, schema } from "./schema.ts";

/** What the errors call the configuration. */
export const what = "ptp configuration";

export interface PtpConfig {
  /** As it was decoded, for what other modules read from it. */
  readonly given: PtpSchema;
  /** In bytes; 0: the kernel's default. */
  readonly mtu: number;
  /** What the packet filter is to do. */
  readonly wishes: Wishes;
  readonly limits: Limits;
  /** The IPAM plugin; undefined: no addresses (layer 2). */
  readonly ipam: string | undefined;
}

/** @throws CniError (invalidConfig). */
export function configure({ raw }: Network): PtpConfig {
  const given = decodeConfig(schema, validate, raw, what);
  // The host is the other end, and the container's gateway.
  if (keepsHostOut(given))
    throw invalidConfig(what, "gatewayMode", "isolated", "any other: a link of ptp is to the host");
  return {
    given,
    mtu: given.mtu ?? 0,
    wishes: readWishes(given, what),
    limits: readLimits(given.runtimeConfig?.bandwidth ?? {}, what, "runtimeConfig.bandwidth."),
    ipam: given.ipam?.type || undefined,
  };
}

/** Enough for DEL and GC, which go by the owner. */
export function configureForRelease({ raw }: Network): PtpConfig {
  return { given: {}, mtu: 0, wishes: {}, limits: {}, ipam: ipamTypeIn(raw) };
}
