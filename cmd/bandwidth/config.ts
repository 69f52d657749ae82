import { validate } from "../../build/generated/bandwidth.js";
import type { Limits } from "../../src/attach/limits.ts";
import { readLimits } from "../../src/attach/limitsconfig.ts";
import { decodeConfig } from "../../src/cni/config.ts";
import type { Network } from "../../src/cni/plugin.ts";
import { schema } from "./schema.ts";

const what = "bandwidth configuration";

/** The limits: those of the configuration itself where it has any, else those that the runtime sent. */
export function configure({ raw }: Network): Limits {
  const { runtimeConfig, ...config } = decodeConfig(schema, validate, raw, what);
  const own = readLimits(config, what, "");
  const hasOwn = own.ingress !== undefined || own.egress !== undefined;
  return hasOwn ? own : readLimits(runtimeConfig?.bandwidth ?? {}, what, "runtimeConfig.bandwidth.");
}
