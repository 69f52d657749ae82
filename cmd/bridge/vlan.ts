import { hash, unfinishedName } from "../../src/attach/owner.ts";
import { findOrMakeLink, removeUnfinished } from "../../src/attach/sharedlink.ts";
import type { NetworkStack } from "../../src/attach/stack.ts";
import { trySysctl } from "../../src/linux/sysctl.ts";
import {
  addPortVlans,
  deletePortVlans,
  listPortVlans,
  type PortVlans,
  VlanFlag,
} from "../../src/rtnetlink/bridgevlan.ts";
import { addLink, deleteLink, expectLink, getLink, type Link, LinkFlag, setLink } from "../../src/rtnetlink/link.ts";
import { makeMarkedLink } from "../../src/rtnetlink/markedlink.ts";
import { type BridgeConfig, gatewayLinkName } from "./config.ts";

const nativeVlan = VlanFlag.pvid | VlanFlag.untagged;
/** The VLAN of untagged packets that a bridge gives each new port. */
const defaultVlan = 1;
const gatewayPortAlias = "berth/bridge/gateway";

export function usesVlans({ vlan, vlanTrunk }: BridgeConfig): boolean {
  return vlan !== undefined || vlanTrunk.length > 0;
}

/** The VLANs that a container's port is to have. */
export function wantedVlans(config: BridgeConfig): PortVlans[] {
  const { vlan, vlanTrunk, preserveDefaultVlan = false } = config;
  // A trunk without a VLAN of its own keeps the default one for untagged packets, as the Go suite has it.
  const native = vlan ?? defaultVlan;
  const kept =
    preserveDefaultVlan && native !== defaultVlan ? [{ ...single(defaultVlan), flags: VlanFlag.untagged }] : [];
  return [...kept, { ...single(native), flags: nativeVlan }, ...vlanTrunk.flatMap((range) => without(range, native))];
}

/** Puts a port into its VLANs, and out of the one that the bridge gave it. */
export function setPortVlans(host: NetworkStack, port: Link, vlans: readonly PortVlans[]): void {
  const unwanted = listPortVlans(host.route, port.index).filter(
    ({ first }) => !vlans.some((vlan) => vlan.first <= first && first <= vlan.last),
  );
  if (unwanted.length > 0) deletePortVlans(host.route, port.index, unwanted);
  addPortVlans(host.route, port.index, vlans);
}

/**
 * The host's link in a VLAN of the bridge, made when there is none: one end of a veth pair whose other end is a port of
 * the bridge in that VLAN.
 */
export function ensureGatewayLink(host: NetworkStack, bridge: Link, vlan: number): Link {
  const name = gatewayLinkName(bridge.name, vlan);
  return findOrMakeLink(host, name, () => makeGatewayLink(host, bridge, vlan, name));
}

/** Removes a VLAN's gateway link once no other port of the bridge is in the VLAN. */
export function removeUnusedGatewayLink(host: NetworkStack, bridgeName: string, vlan: number): void {
  const name = gatewayLinkName(bridgeName, vlan);
  const link = getLink(host.route, { name });
  if (link === undefined) removeUnfinished(host, name);
  const bridge = getLink(host.route, { name: bridgeName });
  if (link?.alias !== gatewayPortAlias || bridge === undefined) return;
  const inVlan = listPortVlans(host.route).filter(({ first, last }) => first <= vlan && vlan <= last);
  const others = inVlan.filter(({ port }) => port !== bridge.index && port !== link.link);
  if (others.length === 0) deleteLink(host.route, link);
}

/** Whether a port of a bridge is a gateway link's, which does not keep the bridge there. */
export function isGatewayPort({ alias }: Link): boolean {
  return alias === gatewayPortAlias;
}

/** The host's end gets its name last: who finds it under that finds all of it. */
function makeGatewayLink(host: NetworkStack, { index: master, mtu }: Link, vlan: number, name: string): void {
  const port = `veth${hash(name).slice(0, 11)}`;
  const sized = mtu === undefined ? {} : { mtu };
  const up = { alias: gatewayPortAlias, flags: LinkFlag.up, change: LinkFlag.up };
  makeMarkedLink(host.route, unfinishedName(name), { name, ...up }, (unfinished) => {
    const info = { kind: "veth", data: { peer: { name: unfinished, ...sized } } } as const;
    addLink(host.route, { name: port, master, ...sized, info }, name);
    const link = expectLink(host.route, { name: port });
    setPortVlans(host, link, [{ ...single(vlan), flags: nativeVlan }]);
    trySysctl(`net/ipv6/conf/${unfinished}/accept_ra`, 0);
    setLink(host.route, `set ${port} up`, { index: link.index, ...up });
  });
}

function single(id: number): { first: number; last: number } {
  return { first: id, last: id };
}

/** A tagged range without the VLAN that is untagged. */
function without({ first, last }: { first: number; last: number }, native: number): PortVlans[] {
  if (native < first || native > last) return [{ first, last, flags: 0 }];
  const rest = [
    { first, last: native - 1, flags: 0 },
    { first: native + 1, last, flags: 0 },
  ];
  return rest.filter((range) => range.first <= range.last);
}
