import { validate } from "../../build/generated/sbr.js";
import { decodeConfig, invalidConfig, readAs } from "../../src/cni/config.ts";
import type { Network } from "../../src/cni/plugin.ts";
import { Address, type Family } from "../../src/ip/address.ts";
import { schema } from "./schema.ts";

const what = "sbr configuration";

export interface SbrConfig {
  /** Undefined: a table of its own for each address. */
  readonly table: number | undefined;
  /** Wins over the gateway that comes with an address. */
  readonly gateways: Readonly<Partial<Record<Family, Address>>>;
  readonly addSourceHints: boolean;
}

/** @throws CniError (invalidConfig). */
export function configure({ raw }: Network): SbrConfig {
  const { table, gateways = [], addSourceHints = false } = decodeConfig(schema, validate, raw, what);
  return { table, gateways: readGateways(gateways), addSourceHints };
}

/** DEL and GC go by what was recorded. */
export function configureForRelease(): SbrConfig {
  return { table: undefined, gateways: {}, addSourceHints: false };
}

function readGateways(texts: readonly string[]): SbrConfig["gateways"] {
  const gateways: Partial<Record<Family, Address>> = {};
  for (const [i, text] of texts.entries()) {
    const path = `gateways[${i}]`;
    const gateway = readAs(Address.parse, what, path, text, "an IP address");
    if (gateways[gateway.family] !== undefined) {
      throw invalidConfig(what, path, text, `at most one of IPv${gateway.family}`);
    }
    gateways[gateway.family] = gateway;
  }
  return gateways;
}
