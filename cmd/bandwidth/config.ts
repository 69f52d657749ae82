import { validate } from "../../build/generated/bandwidth.js";
import type { Limits } from "../../src/attach/limits.ts";
import { readLimits } from "../../src/attach/limitsconfig.ts";
import { decodeConfig } from "../../src/cni/config.ts";
import type { Network } from "../../src/cni/plugin.ts";
import { schema } from "./schema.ts";

const what = "bandwidth configuration";

/**
 * The limits: those of the configuration itself where it has any of the keys, else those that the runtime sent. A 0 counts
 * as a key, as with the Go suite: with it an administrator says that nothing is to be limited.
 */
export function configure({ raw }: Network): Limits {
  const { runtimeConfig, ...config } = decodeConfig(schema, validate, raw, what);
  const { ingressRate, ingressBurst, egressRate, egressBurst } = config;
  const hasOwn = [ingressRate, ingressBurst, egressRate, egressBurst].some((value) => value !== undefined);
  return hasOwn
    ? readLimits(config, what, "")
    : readLimits(runtimeConfig?.bandwidth ?? {}, what, "runtimeConfig.bandwidth.");
}
