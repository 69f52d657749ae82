import { validate } from "../../build/generated/host.js";
import { decodeConfig } from "../../src/cni/config.ts";
import type { Network } from "../../src/cni/plugin.ts";
import { type HostConfig, schema } from "./schema.ts";

export function loadConfig(network: Network): HostConfig {
  return decodeConfig(schema, validate, network.raw, "host configuration");
}
