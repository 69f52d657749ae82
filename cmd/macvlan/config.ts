import { validate } from "../../build/generated/macvlan.js";
import { ipamTypeIn } from "../../src/attach/lease.ts";
import { dummyParentName } from "../../src/attach/parent.ts";
import { decodeConfig, invalidConfig, readAs } from "../../src/cni/config.ts";
import type { Network } from "../../src/cni/plugin.ts";
import { Address } from "../../src/ip/address.ts";
import type { macvlanModes } from "../../src/rtnetlink/kinds/macvlan.ts";
import { type MacvlanSchema, schema } from "./schema.ts";

/** What the errors call the configuration. */
export const what = "macvlan configuration";

export interface MacvlanConfig {
  /** As it was decoded, for what other modules read from it. */
  readonly given: MacvlanSchema;
  /** Undefined: the link of the default route. */
  readonly master: string | undefined;
  readonly mode: keyof typeof macvlanModes;
  /** In bytes; 0: the master's. */
  readonly mtu: number;
  readonly linkInContainer: boolean;
  readonly internal: boolean;
  readonly hostAccess: boolean;
  readonly hostAddresses: readonly Address[];
  /** Undefined: no addresses. */
  readonly ipam: string | undefined;
}

/** @throws CniError (invalidConfig). */
export function loadConfig(network: Network): MacvlanConfig {
  const given = decodeConfig(schema, validate, network.raw, what);
  const { mode, mtu = 0, linkInContainer = false, internal = false, hostAccess = false, hostAddresses = [] } = given;
  const config: MacvlanConfig = {
    given,
    master: given.master || (internal && !linkInContainer ? dummyParentName(network.name) : undefined),
    mode: mode || "bridge",
    mtu,
    linkInContainer,
    internal,
    hostAccess,
    hostAddresses: hostAddresses.map((text, i) =>
      readAs(Address.parse, what, `hostAddresses[${i}]`, text, "an IP address"),
    ),
    ipam: given.ipam?.type || undefined,
  };
  refuseContradictions(config);
  return config;
}

/** Enough for DEL and GC, which go by what was recorded. */
export function loadForRelease({ raw }: Network): MacvlanConfig {
  return {
    given: {},
    master: undefined,
    mode: "bridge",
    mtu: 0,
    linkInContainer: false,
    internal: false,
    hostAccess: false,
    hostAddresses: [],
    ipam: ipamTypeIn(raw),
  };
}

function refuseContradictions({ hostAccess, hostAddresses, mode, linkInContainer, ipam, master }: MacvlanConfig): void {
  if (master === "lo") throw invalidConfig(what, "master", master, "a link other than the loopback");
  if (hostAddresses.length > 0 && !hostAccess) {
    throw invalidConfig(what, "hostAddresses", hostAddresses, '"hostAccess": true with it');
  }
  if (!hostAccess) return;
  // The other modes keep the interfaces on one master apart, the host's own among them.
  if (mode !== "bridge") throw invalidConfig(what, "mode", mode, '"bridge", where hostAccess is asked for');
  if (linkInContainer) throw invalidConfig(what, "linkInContainer", true, "false, where hostAccess is asked for");
  if (ipam === undefined)
    throw invalidConfig(what, "ipam.type", undefined, "an IPAM plugin, where hostAccess is asked for");
}
