import { validate } from "../../build/generated/vlan.js";
import { ipamTypeIn } from "../../src/attach/lease.ts";
import { decodeConfig, invalidConfig } from "../../src/cni/config.ts";
import type { Network } from "../../src/cni/plugin.ts";
import type { DNS } from "../../src/cni/result.ts";
import { schema, type VlanSchema } from "./schema.ts";

/** What the errors call the configuration. */
export const what = "vlan configuration";

export interface VlanConfig {
  /** Empty on DEL and GC alone. */
  readonly master: string;
  readonly vlanId: number;
  /** In bytes; 0: the master's. */
  readonly mtu: number;
  readonly linkInContainer: boolean;
  readonly shared: boolean;
  readonly ingressQos: NonNullable<VlanSchema["ingressQos"]>;
  readonly egressQos: NonNullable<VlanSchema["egressQos"]>;
  /** Undefined: no addresses. */
  readonly ipam: string | undefined;
  readonly dns: DNS;
}

/** @throws CniError (invalidConfig). */
export function configure({ raw }: Network): VlanConfig {
  const given = decodeConfig(schema, validate, raw, what);
  const {
    master,
    vlanId = 0,
    mtu = 0,
    linkInContainer = false,
    shared = false,
    ingressQos = [],
    egressQos = [],
  } = given;
  const config = { master, vlanId, mtu, linkInContainer, shared, ingressQos, egressQos };
  if (shared) refuseUnshareable(config);
  return { ...config, ipam: given.ipam?.type || undefined, dns: given.dns ?? {} };
}

/** Enough for DEL and GC, which go by what was recorded. */
export function configureForRelease({ raw }: Network): VlanConfig {
  const none = { master: "", vlanId: 0, mtu: 0, linkInContainer: false, shared: false, ingressQos: [], egressQos: [] };
  return { ...none, ipam: ipamTypeIn(raw), dns: {} };
}

/** The host's link for a VLAN that containers share. */
export function sharedName({ master, vlanId }: Pick<VlanConfig, "master" | "vlanId">): string {
  return `${master}.${vlanId}`;
}

function refuseUnshareable(config: Omit<VlanConfig, "ipam" | "dns">): void {
  const { master, vlanId, linkInContainer, ingressQos, egressQos } = config;
  const refuse = (path: string, found: unknown, allowed: string) =>
    invalidConfig(what, path, found, `${allowed}, where the VLAN is shared`);
  if (linkInContainer) throw refuse("linkInContainer", true, "false");
  if (vlanId === 0) throw refuse("vlanId", vlanId, "an integer from 1 to 4094");
  if (ingressQos.length + egressQos.length > 0) throw refuse("ingressQos, egressQos", "a map", "none");
  const longest = 14 - String(vlanId).length;
  if (Buffer.byteLength(master) > longest) throw refuse("master", master, `a name of at most ${longest} bytes`);
}
