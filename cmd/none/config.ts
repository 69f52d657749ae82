import { validate } from "../../build/generated/none.js";
import { decodeConfig } from "../../src/cni/config.ts";
import type { Network } from "../../src/cni/plugin.ts";
import { type NoneConfig, schema } from "./schema.ts";

export function loadConfig(network: Network): NoneConfig {
  return decodeConfig(schema, validate, network.raw, "none configuration");
}
