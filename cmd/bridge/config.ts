import { validate } from "../../build/generated/bridge.js";
import { keepsHostOut, reachEachOther, readWishes, type Wishes } from "../../src/attach/firewall/wishes.ts";
import { ipamTypeIn } from "../../src/attach/lease.ts";
import type { Limits } from "../../src/attach/limits.ts";
import { readLimits } from "../../src/attach/limitsconfig.ts";
import { decodeConfig, invalidConfig } from "../../src/cni/config.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import { field } from "../../src/cni/json.ts";
import type { Network } from "../../src/cni/plugin.ts";
import type { PortVlans } from "../../src/rtnetlink/bridgevlan.ts";
import { type BridgeSchema, schema } from "./schema.ts";

export const what = "bridge configuration";
const defaultBridge = "cni0";
/** ETH_MIN_MTU of linux/if_ether.h. */
const smallestMtu = 68;

/** The configuration of a bridge network. */
export interface BridgeConfig extends Omit<BridgeSchema, "vlanTrunk" | "vlan"> {
  readonly bridge: string;
  /** Whether the bridge gets the gateway's address: isGateway or isDefaultGateway. */
  readonly isGateway: boolean;
  /** VLAN of untagged packets; undefined: none. */
  readonly vlan: number | undefined;
  readonly vlanTrunk: readonly Pick<PortVlans, "first" | "last">[];
  /** What the packet filter is to do. */
  readonly wishes: Wishes;
  readonly limits: Limits;
  /** What the bridge is to keep for the container's port. */
  readonly port: { readonly hairpin: boolean; readonly isolated: boolean };
  /** The IPAM plugin; undefined: the network has no addresses (L2). */
  readonly ipamType: string | undefined;
}

/** @throws CniError (invalidConfig). */
export function configure({ raw }: Network): BridgeConfig {
  const config = decodeConfig(schema, validate, raw, what);
  const { bridge = defaultBridge, mtu = 0, vlan = 0, vlanTrunk = [] } = config;
  const ipamType = config.ipam?.type || undefined;
  const wishes = readWishes(config, what);
  // A network that the host is kept out of has no gateway, and one without an outside no default route.
  const isGateway = Boolean(config.isGateway || config.isDefaultGateway) && !keepsHostOut(config);
  const isDefaultGateway = Boolean(config.isDefaultGateway) && isGateway && !config.internal;
  if (config.disableContainerInterface && ipamType) {
    throw clash("cannot use IPAM when DisableContainerInterface flag is set", "disableContainerInterface", "ipam");
  }
  if (config.hairpinMode && config.promiscMode) {
    throw clash("cannot set hairpin mode and promiscuous mode at the same time", "hairpinMode", "promiscMode");
  }
  if (Buffer.byteLength(bridge) > 15) throw invalidConfig(what, "bridge", bridge, "a name of at most 15 bytes");
  if (mtu !== 0 && mtu < smallestMtu)
    throw invalidConfig(what, "mtu", mtu, `0, or an integer from ${smallestMtu} to 65535`);
  if (vlan !== 0 && isGateway && Buffer.byteLength(gatewayLinkName(bridge, vlan)) > 15) {
    const allowed = `a name of at most ${14 - String(vlan).length} characters, since the gateway's link is ${bridge}.${vlan}`;
    throw invalidConfig(what, "bridge", bridge, allowed);
  }
  const trunk = mergeRanges(vlanTrunk.flatMap(readTrunk));
  const port = {
    // Published ports lead back to the container that calls them, through its own port of the bridge.
    hairpin: Boolean(config.hairpinMode || wishes.ports) && !config.promiscMode,
    isolated: Boolean(config.portIsolation) || !reachEachOther(config),
  };
  return {
    ...config,
    bridge,
    isGateway,
    isDefaultGateway,
    vlan: vlan || undefined,
    vlanTrunk: trunk,
    wishes,
    limits: readLimits(config.runtimeConfig?.bandwidth ?? {}, what, "runtimeConfig.bandwidth."),
    port,
    ipamType,
  };
}

/** What DEL and GC can still use of a configuration that ADD would refuse: where to look, and whom to ask for the addresses. */
export function configureForRelease({ raw }: Network): BridgeConfig {
  const bridge = field(raw, "bridge");
  return {
    bridge: typeof bridge === "string" && bridge !== "" ? bridge : defaultBridge,
    isGateway: false,
    vlan: undefined,
    vlanTrunk: [],
    wishes: {},
    limits: {},
    port: { hairpin: false, isolated: false },
    ipamType: ipamTypeIn(raw),
  };
}

/** The host's link in a VLAN of a bridge, which has the gateway's address there. */
export function gatewayLinkName(bridge: string, vlan: number): string {
  return `${bridge}.${vlan}`;
}

function readTrunk(
  item: NonNullable<BridgeSchema["vlanTrunk"]>[number],
  i: number,
): Pick<PortVlans, "first" | "last">[] {
  const { id, minID, maxID } = item;
  const path = `vlanTrunk[${i}]`;
  const wrong = (allowed: string) => invalidConfig(what, path, item, allowed);
  if ((minID === undefined) !== (maxID === undefined)) {
    throw wrong(`minID and maxID configured simultaneously: ${minID === undefined ? "minID" : "maxID"} is missing`);
  }
  if (minID !== undefined && maxID !== undefined && minID > maxID) throw wrong("minID of at most maxID");
  return [
    ...(minID !== undefined && maxID !== undefined ? [{ first: minID, last: maxID }] : []),
    ...(id === undefined ? [] : [{ first: id, last: id }]),
  ];
}

/** Sorted, and without overlaps: the kernel is told each VLAN once. */
function mergeRanges(ranges: readonly Pick<PortVlans, "first" | "last">[]): Pick<PortVlans, "first" | "last">[] {
  const merged: { first: number; last: number }[] = [];
  for (const { first, last } of ranges.toSorted((a, b) => a.first - b.first)) {
    const previous = merged.at(-1);
    if (previous !== undefined && first <= previous.last + 1) previous.last = Math.max(previous.last, last);
    else merged.push({ first, last });
  }
  return merged;
}

function clash(message: string, one: string, other: string): CniError {
  return new CniError(ErrorCode.invalidConfig, message, {
    details: `${one}, ${other}: found both, allowed: one of them`,
  });
}
