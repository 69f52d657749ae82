import { removeUnusedBridge } from "../../src/attach/bridge.ts";
import { networkMark } from "../../src/attach/owner.ts";
import type { NetworkStack } from "../../src/attach/stack.ts";
import { lockPath } from "../../src/attach/state.ts";
import { findDefaultLink } from "../../src/attach/uplink.ts";
import { invalidConfig } from "../../src/cni/config.ts";
import { Prefix } from "../../src/ip/prefix.ts";
import { lockFile, shareFile } from "../../src/linux/lock.ts";
import { unless } from "../../src/netlink/error.ts";
import { ensureDevice, findDevice, removeDevice, type VxlanDevice } from "../../src/overlay/device.ts";
import type { OverlayLinks } from "../../src/overlay/entries.ts";
import { checkAgainstHost, type Peer, requireSubnets } from "../../src/overlay/peer.ts";
import { reconcile } from "../../src/overlay/reconcile.ts";
import { desiredState, type OverlayState } from "../../src/overlay/state.ts";
import { findDirectLink, findUnderlay, overhead, type Underlay } from "../../src/overlay/underlay.ts";
import { AddressFlag, addAddress } from "../../src/rtnetlink/address.ts";
import { getLink, type Link, listLinks } from "../../src/rtnetlink/link.ts";
import { type VxlanConfig, what } from "./config.ts";

/** What an overlay is to be on this host, as its configuration, its peers and the underlay have it now. */
export interface OverlayPlan {
  readonly underlay: Underlay;
  readonly peers: readonly Peer[];
  readonly device: Omit<VxlanDevice, "bridge">;
  readonly state: OverlayState;
}

/**
 * Reads the peers and looks at the underlay; changes nothing.
 *
 * @param network the network's name.
 * @throws CniError when the underlay, the MTU or the peers cannot be.
 */
export function planOverlay(host: NetworkStack, network: string, config: VxlanConfig): OverlayPlan {
  const { mode, vni, port, learning, suppression, checksumOffload, directRouting } = config;
  const underlay = chooseUnderlay(host, config);
  const { local, link } = underlay;
  const peers = config.peers.read(local);
  checkAgainstHost(peers, local, []);
  if (mode === "l3") requireSubnets(peers);
  checkNetwork(peers, config);
  const most = link.mtu - overhead[local.family];
  const { mtu = most } = config;
  if (mtu > most) {
    const lost = `the MTU of ${link.name} less ${overhead[local.family]} bytes that VXLAN adds`;
    throw invalidConfig(what, "mtu", mtu, `an integer from 0 to ${most}, ${lost}`);
  }
  const direct = (peer: Peer) => (directRouting ? findDirectLink(host.route, peer.ip) : undefined);
  return {
    underlay,
    peers,
    device: { network, vni, port, local, mtu, learning, suppression, checksumOffload },
    state: desiredState(mode, peers, direct),
  };
}

/** Keeps the overlay's device from being removed while an ADD has no port on the bridge yet. Many may claim it at once. */
export function claimOverlay({ vni }: VxlanConfig): Disposable {
  return shareFile(lockPath(`overlay-${vni}`));
}

/**
 * Makes the overlay's device and entries what the plan says, or repairs them.
 *
 * @param own this host's subnets, in mode l3.
 * @returns what was done, a line for each change.
 */
export function applyPlan(
  host: NetworkStack,
  plan: OverlayPlan,
  config: VxlanConfig,
  bridge: Link,
  own: readonly Prefix[],
): string[] {
  checkAgainstHost(plan.peers, plan.underlay.local, own);
  // One at a time: what one finds missing, another may be making.
  using _lock = lockFile(lockPath(`overlay-${config.vni}-entries`));
  const done: string[] = [];
  const device = { ...plan.device, ...(config.mode === "l2" && { bridge: bridge.index }) };
  const vxlan = ensureDevice(host.route, host.namespace, device, (text) => done.push(text));
  for (const subnet of own) {
    // The first address of the subnet is the host's own towards the other hosts. As a single address it brings no route
    // to the subnet with it, which would lead into the tunnel.
    const prefix = Prefix.host(subnet.first);
    unless(["EEXIST"], () => {
      addAddress(host.route, { index: vxlan.index, prefix, flags: AddressFlag.noDad });
      done.push(`added address ${prefix.address}`);
    });
  }
  return [...done, ...reconcile(host.route, linksOf(config, vxlan, bridge), plan.state)];
}

export function linksOf({ mode, vni }: VxlanConfig, vxlan: Link, bridge: Link): OverlayLinks {
  return { vni, vxlan: vxlan.index, neighbours: mode === "l2" ? bridge.index : vxlan.index };
}

/** Takes away what was the host's side of an overlay of which no attachment is left. */
export function tidyOverlay(host: NetworkStack, network: string, config: VxlanConfig): void {
  if (isInUse(host, network, config)) return;
  // An ADD that claims the overlay has no port yet: it is waited for, and seen by its port then.
  using _claims = lockFile(lockPath(`overlay-${config.vni}`));
  if (isInUse(host, network, config)) return;
  const { vni } = config;
  const bridge = getLink(host.route, { name: config.bridge });
  const vxlan = findDevice(host.route, { network, vni });
  if (vxlan !== undefined) {
    const nothing: OverlayState = { forwarding: [], neighbours: [], routes: [] };
    reconcile(host.route, linksOf(config, vxlan, bridge ?? vxlan), nothing);
  }
  removeDevice(host.route, { network, vni });
  removeUnusedBridge(host, config.bridge);
}

/** Whether the overlay's bridge has an attachment's port. */
export function isInUse(host: NetworkStack, network: string, config: VxlanConfig): boolean {
  const bridge = getLink(host.route, { name: config.bridge });
  if (bridge === undefined) return false;
  const mark = networkMark(network);
  return listLinks(host.route, { master: bridge.index }).some(({ alias }) => alias?.startsWith(mark));
}

function chooseUnderlay(host: NetworkStack, config: VxlanConfig): Underlay {
  const { local, underlay, given } = config;
  // Where nothing says which family the underlay has, the first peer's address does.
  const family = given.peers?.[0]?.ip.includes(":") ? 6 : given.peers?.length ? 4 : undefined;
  const defaultLink = (families: readonly (4 | 6)[]) => findDefaultLink(host.route, families);
  return findUnderlay(host.route, { local, underlay, family, defaultLink });
}

function checkNetwork(peers: readonly Peer[], { network }: VxlanConfig): void {
  if (network.length === 0) return;
  for (const { path, subnets } of peers) {
    const outside = subnets.find(
      (subnet) => !network.some((all) => all.contains(subnet.first) && all.contains(subnet.last)),
    );
    if (outside) throw invalidConfig(what, `${path}.subnet`, outside, `a subnet in network, ${network.join(", ")}`);
  }
}
