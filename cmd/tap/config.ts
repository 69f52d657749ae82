import { validate } from "../../build/generated/tap.js";
import { ipamTypeIn } from "../../src/attach/lease.ts";
import { decodeConfig } from "../../src/cni/config.ts";
import type { Network } from "../../src/cni/plugin.ts";
import { schema, type TapSchema } from "./schema.ts";

export interface TapConfig extends TapSchema {
  /** The IPAM plugin; undefined: no addresses. */
  readonly ipamType: string | undefined;
}

/** @throws CniError (invalidConfig). */
export function configure({ raw }: Network): TapConfig {
  const config = decodeConfig(schema, validate, raw, "tap configuration");
  return { ...config, ipamType: config.ipam?.type || undefined };
}

export function configureForRelease({ raw }: Network): TapConfig {
  return { ipamType: ipamTypeIn(raw) };
}
