import { validate } from "../../build/generated/vrf.js";
import { decodeConfig } from "../../src/cni/config.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import { field } from "../../src/cni/json.ts";
import type { Network } from "../../src/cni/plugin.ts";
import { schema } from "./schema.ts";

export interface VrfConfig {
  /** Empty on DEL and GC alone, where the configuration is wrong. */
  readonly name: string;
  /** 0: the one that the VRF has, or a free one. */
  readonly table: number;
}

/** @throws CniError (invalidConfig). */
export function configure({ raw }: Network): VrfConfig {
  const { vrfname: name, table = 0 } = decodeConfig(schema, validate, raw, "vrf configuration");
  if (name) return { name, table };
  throw new CniError(ErrorCode.invalidConfig, "configuration is expected to have a valid vrf name", {
    details: "vrfname: found nothing, allowed: the name of a VRF, or of no link",
  });
}

export function configureForRelease({ raw }: Network): VrfConfig {
  const name = field(raw, "vrfname");
  return { name: typeof name === "string" ? name : "", table: 0 };
}
