import { hash, unfinishedName } from "../../src/attach/owner.ts";
import type { NetworkStack } from "../../src/attach/stack.ts";
import { lockPath } from "../../src/attach/state.ts";
import { lockFile, tryLockFile } from "../../src/linux/lock.ts";
import { trySysctl } from "../../src/linux/sysctl.ts";
import {
  addPortVlans,
  deletePortVlans,
  listPortVlans,
  type PortVlans,
  VlanFlag,
} from "../../src/rtnetlink/bridgevlan.ts";
import { addLink, deleteLink, getLink, type Link, LinkFlag, setLink } from "../../src/rtnetlink/link.ts";
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
  const find = () => getLink(host.route, { name });
  const found = find();
  if (found !== undefined) return found;
  using _lock = lockFile(makingLock(name));
  if (find() === undefined) makeGatewayLink(host, bridge, vlan, name);
  const link = find();
  if (link === undefined) throw new Error(`Cannot find ${name}: it vanished`);
  return link;
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

/** The host's end gets its name last, together with its mark: who finds it under that finds all of it. */
function makeGatewayLink(host: NetworkStack, { index: master, mtu }: Link, vlan: number, name: string): void {
  const port = `veth${hash(name).slice(0, 11)}`;
  const unfinished = unfinishedName(name);
  const sized = mtu === undefined ? {} : { mtu };
  const up = { alias: gatewayPortAlias, flags: LinkFlag.up, change: LinkFlag.up };
  const info = { kind: "veth", data: { peer: { name: unfinished, ...sized } } } as const;
  deleteLink(host.route, { name: unfinished });
  using undo = new DisposableStack();
  undo.defer(() => deleteLink(host.route, { name: unfinished }));
  addLink(host.route, { name: port, master, ...sized, info }, name);
  const link = getLink(host.route, { name: port });
  if (link?.link === undefined) throw new Error(`Cannot find ${port}: it vanished`);
  const { index, link: hostEnd } = link;
  setPortVlans(host, link, [{ ...single(vlan), flags: nativeVlan }]);
  trySysctl(`net/ipv6/conf/${unfinished}/accept_ra`, 0);
  setLink(host.route, `set ${port} up`, { index, ...up });
  undo.defer(() => deleteLink(host.route, { index }));
  setLink(host.route, `name ${unfinished} ${name}`, { index: hostEnd, name, ...up });
  undo.move();
}

/** An ADD may have been killed over it. */
function removeUnfinished(host: NetworkStack, name: string): void {
  using lock = tryLockFile(makingLock(name));
  if (lock !== undefined) deleteLink(host.route, { name: unfinishedName(name) });
}

function makingLock(name: string): string {
  return lockPath(`making-${name}`);
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
