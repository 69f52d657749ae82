import { invalidConfig } from "../cni/config.ts";
import type { Bandwidth } from "../cni/schema.ts";
import type { Limit, Limits } from "./limits.ts";

/** A burst is counted in bytes, in 32 bits (the kernel's TCA_TBF_BURST). */
const burstBound = 8 * 2 ** 32;
/** Less than a byte per second is no rate. */
const leastRate = 8;

/**
 * The limits that a configuration asks for; 0 is as if the key were absent.
 *
 * @param what whose configuration it is, for errors.
 * @param at where the keys are: `runtimeConfig.bandwidth.`.
 * @throws CniError (invalidConfig).
 */
export function readLimits(config: Partial<Bandwidth>, what: string, at: string): Limits {
  const ingress = readLimit(config.ingressRate, config.ingressBurst, what, `${at}ingress`);
  const egress = readLimit(config.egressRate, config.egressBurst, what, `${at}egress`);
  return { ...(ingress && { ingress }), ...(egress && { egress }) };
}

function readLimit(rate = 0, burst = 0, what: string, path: string): Limit | undefined {
  if (rate === 0 && burst === 0) return undefined;
  if (burst === 0)
    throw invalidConfig(what, `${path}Burst`, undefined, "a burst in bits: if rate is set, burst must be, too");
  if (rate === 0)
    throw invalidConfig(what, `${path}Rate`, undefined, "a rate in bit/s: if burst is set, rate must be, too");
  if (burst >= burstBound) throw invalidConfig(what, `${path}Burst`, burst, "less than 4 GiB, in bits");
  if (burst < leastRate) throw invalidConfig(what, `${path}Burst`, burst, "at least a byte, in bits");
  if (rate < leastRate) throw invalidConfig(what, `${path}Rate`, rate, "at least a byte per second, in bit/s");
  return { rate, burst };
}
