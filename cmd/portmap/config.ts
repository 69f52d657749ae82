import { validate } from "../../build/generated/portmap.js";
import { readMappings } from "../../src/attach/firewall/mappings.ts";
import type { Ports } from "../../src/attach/firewall/publication.ts";
import { decodeConfig, invalidConfig } from "../../src/cni/config.ts";
import type { Network } from "../../src/cni/plugin.ts";
import { schema } from "./schema.ts";

export const what = "portmap configuration";

/** @throws CniError (invalidConfig). */
export function configure({ raw }: Network): Ports {
  const config = decodeConfig(schema, validate, raw, what);
  if (config.markMasqBit !== undefined && config.externalSetMarkChain) {
    const allowed = "one of markMasqBit and externalSetMarkChain";
    throw invalidConfig(what, "externalSetMarkChain", config.externalSetMarkChain, allowed);
  }
  for (const key of ["conditionsV4", "conditionsV6"] as const) {
    const words = config[key] ?? [];
    // To publish without a condition that somebody set would open what was meant to be closed.
    if (words.length > 0) {
      throw invalidConfig(
        what,
        key,
        words,
        "nothing: ports are published by lookup, which holds no conditions; use hostIP",
      );
    }
  }
  const { snat = true, masqAll = false } = config;
  return {
    mappings: readMappings(config.runtimeConfig?.portMappings ?? [], what),
    masquerade: !snat ? "none" : masqAll ? "all" : "local",
  };
}
