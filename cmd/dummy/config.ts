import { validate } from "../../build/generated/dummy.js";
import { ipamTypeIn } from "../../src/attach/lease.ts";
import { decodeConfig } from "../../src/cni/config.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import type { Network } from "../../src/cni/plugin.ts";
import type { DNS } from "../../src/cni/result.ts";
import { schema } from "./schema.ts";

export interface DummyConfig {
  /** The IPAM plugin; undefined on DEL and GC alone. */
  readonly ipam: string | undefined;
  readonly dns: DNS;
}

/** @throws CniError (invalidConfig); an interface that drops what it is given is good for nothing but addresses. */
export function configure({ raw }: Network): DummyConfig {
  const { ipam, dns = {} } = decodeConfig(schema, validate, raw, "dummy configuration");
  if (ipam?.type) return { ipam: ipam.type, dns };
  throw new CniError(ErrorCode.invalidConfig, "dummy interface requires an IPAM configuration", {
    details: "ipam.type: found nothing, allowed: the name of an IPAM plugin",
  });
}

export function configureForRelease({ raw }: Network): DummyConfig {
  return { ipam: ipamTypeIn(raw), dns: {} };
}
