import { isAbsolute } from "node:path";
import { validate } from "../../build/generated/vxlan.js";
import { keepsHostOut, readWishes, type Wishes } from "../../src/attach/firewall/wishes.ts";
import { ipamTypeIn } from "../../src/attach/lease.ts";
import type { Limits } from "../../src/attach/limits.ts";
import { readLimits } from "../../src/attach/limitsconfig.ts";
import { decodeConfig, invalidConfig, readAs } from "../../src/cni/config.ts";
import { field } from "../../src/cni/json.ts";
import type { Network } from "../../src/cni/plugin.ts";
import { Address } from "../../src/ip/address.ts";
import { Prefix } from "../../src/ip/prefix.ts";
import { configuredPeers, filePeers, mergeSources, type PeerSource } from "../../src/overlay/source.ts";
import type { OverlayMode } from "../../src/overlay/state.ts";
import { schema, type VxlanSchema } from "./schema.ts";

/** What the errors call the configuration. */
export const what = "vxlan configuration";

/** The configuration of an overlay network. */
export interface VxlanConfig {
  /** As it was decoded, for what other modules read from it. */
  readonly given: Partial<VxlanSchema>;
  readonly mode: OverlayMode;
  readonly vni: number;
  readonly port: number;
  readonly local: Address | undefined;
  readonly underlay: string | undefined;
  /** In bytes; undefined: what the underlay leaves. */
  readonly mtu: number | undefined;
  readonly bridge: string;
  readonly peers: PeerSource;
  /** What all hosts' subnets are in; empty: not said. */
  readonly network: readonly Prefix[];
  readonly learning: boolean;
  readonly suppression: boolean;
  readonly directRouting: boolean;
  readonly isGateway: boolean;
  readonly isDefaultGateway: boolean;
  readonly checksumOffload: boolean;
  readonly wishes: Wishes;
  readonly limits: Limits;
  /** Undefined: no addresses. */
  readonly ipamType: string | undefined;
}

/** @throws CniError (invalidConfig). */
export function configure({ raw }: Pick<Network, "raw">): VxlanConfig {
  const given = decodeConfig(schema, validate, raw, what);
  const { mode = "l2", vni } = given;
  const routed = mode === "l3";
  if (routed && keepsHostOut(given)) throw invalidConfig(what, "gatewayMode", "isolated", 'any other in mode "l3"');
  const isGateway = routed || (Boolean(given.isGateway || given.isDefaultGateway) && !keepsHostOut(given));
  const isDefaultGateway = routed || (Boolean(given.isDefaultGateway) && isGateway);
  const config: VxlanConfig = {
    given,
    mode,
    vni,
    port: given.port ?? 4789,
    local: given.local ? readAddress(given.local, "local") : undefined,
    underlay: given.underlay || undefined,
    mtu: given.mtu || undefined,
    bridge: given.bridge ?? defaultBridge(vni),
    peers: sourceOf(given),
    network: [given.network ?? []].flat().map((text, i) => readPrefix(text, `network[${i}]`)),
    learning: !routed && (given.learning ?? true),
    suppression: !routed && (given.neighSuppress ?? isGateway),
    directRouting: Boolean(given.directRouting),
    isGateway,
    isDefaultGateway,
    checksumOffload: given.txChecksumOffload ?? true,
    wishes: readWishes(given, what),
    limits: readLimits(given.runtimeConfig?.bandwidth ?? {}, what, "runtimeConfig.bandwidth."),
    ipamType: given.ipam?.type || undefined,
  };
  refuseContradictions(config);
  return config;
}

/** What DEL and GC can still use of a configuration that ADD would refuse: where to look, and whom to ask for addresses. */
export function configureForRelease({ raw }: Network): VxlanConfig {
  const [vni, bridge] = [field(raw, "vni"), field(raw, "bridge")];
  const known = typeof vni === "number" ? vni : 0;
  return {
    given: {},
    mode: field(raw, "mode") === "l3" ? "l3" : "l2",
    vni: known,
    port: 0,
    local: undefined,
    underlay: undefined,
    mtu: undefined,
    bridge: typeof bridge === "string" && bridge !== "" ? bridge : defaultBridge(known),
    peers: configuredPeers([]),
    network: [],
    learning: false,
    suppression: false,
    directRouting: false,
    isGateway: false,
    isDefaultGateway: false,
    checksumOffload: true,
    wishes: {},
    limits: {},
    ipamType: ipamTypeIn(raw),
  };
}

function defaultBridge(vni: number): string {
  return `vxbr${vni}`;
}

function sourceOf({ peers, peersFile }: VxlanSchema): PeerSource {
  if (peersFile && !isAbsolute(peersFile)) throw invalidConfig(what, "peersFile", peersFile, "an absolute path");
  const listed = configuredPeers(peers ?? []);
  return peersFile ? mergeSources(listed, filePeers(peersFile)) : listed;
}

function refuseContradictions({ given, mode, local, underlay, ipamType, network, isGateway }: VxlanConfig): void {
  if (local !== undefined && underlay !== undefined) {
    throw invalidConfig(what, "underlay", underlay, "only one of local and underlay");
  }
  if (mode === "l3" && ipamType === undefined) {
    throw invalidConfig(
      what,
      "ipam.type",
      undefined,
      'an IPAM plugin that gives addresses of this host\'s subnet, in mode "l3"',
    );
  }
  if (isGateway && ipamType === undefined) {
    throw invalidConfig(what, "isGateway", true, "false where there is no IPAM plugin to say the gateway's address");
  }
  if (mode === "l3" && given.ipMasq && network.length === 0) {
    throw invalidConfig(
      what,
      "network",
      undefined,
      "what all hosts' subnets are in, as 10.244.0.0/16, to be left as it is by ipMasq",
    );
  }
  const onlyFor = { l2: ["directRouting", "network"], l3: ["learning", "neighSuppress"] } as const;
  for (const key of onlyFor[mode]) {
    if (given[key]) throw invalidConfig(what, key, given[key], `nothing in mode "${mode}"`);
  }
}

function readAddress(text: string, path: string): Address {
  try {
    const address = Address.parse(text);
    if (!address.isMulticast && !address.isUnspecified) return address;
  } catch {
    // refused below
  }
  throw invalidConfig(what, path, text, "a unicast IP address of this host");
}

function readPrefix(text: string, path: string): Prefix {
  return readAs(Prefix.parse, what, path, text, "a subnet, as 10.244.0.0/16").network;
}
