import { validate } from "../../build/generated/ipvlan.js";
import { ipamTypeIn } from "../../src/attach/lease.ts";
import { decodeConfig, invalidConfig } from "../../src/cni/config.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import type { Attachment, Network } from "../../src/cni/plugin.ts";
import type { DNS } from "../../src/cni/result.ts";
import type { ipvlanFlags, ipvlanModes } from "../../src/rtnetlink/kinds/ipvlan.ts";
import { schema } from "./schema.ts";

/** What the errors call the configuration. */
export const what = "ipvlan configuration";

export interface IpvlanConfig {
  /** Undefined: see {@link chainedMaster}, else the link of the default route. */
  readonly master: string | undefined;
  readonly mode: keyof typeof ipvlanModes;
  readonly flag: keyof typeof ipvlanFlags;
  /** In bytes; 0: the master's. */
  readonly mtu: number;
  readonly linkInContainer: boolean;
  /** Undefined: the addresses of the result before, or none. */
  readonly ipam: string | undefined;
  readonly dns: DNS;
}

/** @throws CniError (invalidConfig). */
export function configure({ raw }: Network): IpvlanConfig {
  const given = decodeConfig(schema, validate, raw, what);
  const { master, mode, flag, mtu = 0, linkInContainer = false, ipam, dns = {} } = given;
  if (master === "lo") throw invalidConfig(what, "master", master, "a link other than the loopback");
  return {
    master: master || undefined,
    mode: mode || "l2",
    flag: flag || "bridge",
    mtu,
    linkInContainer,
    ipam: ipam?.type || undefined,
    dns,
  };
}

/** Enough for DEL and GC, which go by what was recorded. */
export function configureForRelease({ raw }: Network): IpvlanConfig {
  const ipam = ipamTypeIn(raw);
  return { master: undefined, mode: "l2", flag: "bridge", mtu: 0, linkInContainer: false, ipam, dns: {} };
}

/**
 * The master of an ADD in a chain: the interface that the plugin before it made.
 *
 * @returns undefined where the configuration names one, or nothing came before.
 * @throws CniError (invalidConfig) when several interfaces came before.
 */
export function chainedMaster({ prevResult }: Attachment, { master }: IpvlanConfig): string | undefined {
  if (master !== undefined || prevResult === undefined) return undefined;
  const [only, ...others] = prevResult.interfaces;
  if (only?.name && others.length === 0) return only.name;
  const names = prevResult.interfaces.map(({ name }) => name).join(", ") || "none";
  throw new CniError(ErrorCode.invalidConfig, "chained master failure. PrevResult lacks a single named interface", {
    details: `prevResult.interfaces: found ${names}, allowed: one, or "master" in the configuration`,
  });
}
