import { CniError, ErrorCode } from "../cni/error.ts";
import { type Mac, macFromBytes } from "../ip/mac.ts";
import { shareFile, tryLockFile } from "../linux/lock.ts";
import { readSysctl, trySysctl } from "../linux/sysctl.ts";
import { unless } from "../netlink/error.ts";
import { addLink, deleteLink, getLink, type Link, LinkFlag, listLinks, OperState, setLink } from "../rtnetlink/link.ts";
import { makeMarkedLink } from "../rtnetlink/markedlink.ts";
import { isOwnerMark, unfinishedName } from "./owner.ts";
import { findOrMakeLink, removeUnfinished } from "./sharedlink.ts";
import type { NetworkStack } from "./stack.ts";
import { lockPath } from "./state.ts";

/** The alias of a bridge that Berth made: it goes with its last port. */
const ownBridgeAlias = "berth/bridge";

export interface BridgeOptions {
  readonly name: string;
  /** In bytes; left out: the kernel's default. */
  readonly mtu?: number | undefined;
  readonly promiscuous?: boolean;
  readonly vlanFiltering?: boolean;
}

export type Bridge = Link & { mac: Mac };

/**
 * Keeps a bridge from being removed while an ADD that found it there has no port on it yet. Many may claim one at once.
 */
export function claimBridge(name: string): Disposable {
  return shareFile(lockPath(`bridge-${name}`));
}

/**
 * Makes a bridge, or takes the one there is, and sets it up. To be called under {@link claimBridge}. Disposing of it takes
 * back what was changed of one that was there, unless another attachment relies on that by then.
 *
 * @throws CniError when the name is some other link's, or the bridge does not separate VLANs where that is asked for.
 */
export function ensureBridge(host: NetworkStack, options: BridgeOptions): Bridge & Disposable {
  const { name, mtu, promiscuous = false, vlanFiltering = false } = options;
  const found = getLink(host.route, { name });
  const bridge = found ?? findOrMakeLink(host, name, () => makeBridge(host, options));
  if (bridge.info?.kind !== "bridge") throw notABridge(bridge);

  const { index } = bridge;
  const own = bridge.alias === ownBridgeAlias;
  using undo = new DisposableStack();
  if (vlanFiltering && !bridge.info.data?.vlanFiltering) enableVlanFiltering(host, bridge, own);
  if (own && mtu && bridge.mtu !== mtu) setLink(host.route, `set the MTU of ${name}`, { index, mtu });
  const flags = LinkFlag.up | (promiscuous ? LinkFlag.promiscuous : 0);
  const change = flags & ~bridge.flags;
  if (change !== 0) {
    undo.defer(() => setLink(host.route, `set ${name} back`, { index, flags: 0, change }));
    setLink(host.route, `set ${name} up`, { index, flags, change });
  }
  const mac = own ? (bridge as Bridge).mac : adoptBridge(host, bridge, undo);
  const changes = undo.move();
  const takeBack = () => found !== undefined && !hasAttachments(host, bridge) && changes[Symbol.dispose]();
  return { ...bridge, mac, [Symbol.dispose]: () => void takeBack() };
}

function hasAttachments(host: NetworkStack, { index: master }: Link): boolean {
  return listLinks(host.route, { master }).some(({ alias = "" }) => isOwnerMark(alias));
}

/**
 * Gives a bridge that somebody else made, the Go suite too, what ours have from the start. Its MAC is fixed before it has
 * ports; later, all its neighbours would forget each other for it. That stays, as the kernel has no way back.
 *
 * @returns its MAC.
 */
function adoptBridge(host: NetworkStack, bridge: Link, undo: DisposableStack): Mac {
  const { index, name, mac = noMac } = bridge;
  const acceptance = `net/ipv6/conf/${name}/accept_ra`;
  const before = readSysctl(acceptance);
  if (before !== undefined) undo.defer(() => trySysctl(acceptance, before));
  trySysctl(acceptance, 0);
  if (forwards(bridge)) return mac;
  // A MAC that was the last port's is zero without ports.
  const fixed = mac === noMac ? randomMac() : mac;
  setLink(host.route, `fix the MAC of ${name}`, { index, mac: fixed });
  return fixed;
}

/** Whether a bridge has a port that forwards. One that never had a port has carrier as well, but is not up. */
function forwards({ carrier = false, operState }: Link): boolean {
  return carrier && operState === OperState.up;
}

const noMac: Mac = "00:00:00:00:00:00";

/**
 * Removes a bridge that Berth made, if nobody claims it and it has no ports.
 *
 * @param isSpare tells the ports that do not count, and are removed with it.
 */
export function removeUnusedBridge(host: NetworkStack, name: string, isSpare?: (port: Link) => boolean): void {
  const bridge = getLink(host.route, { name });
  if (bridge === undefined) removeUnfinished(host, name);
  if (bridge?.info?.kind !== "bridge" || bridge.alias !== ownBridgeAlias) return;
  // A port that forwards tells enough, and saves a look at all of them.
  if (forwards(bridge) && isSpare === undefined) return;
  using lock = tryLockFile(lockPath(`bridge-${name}`));
  if (lock === undefined) return;
  const ports = listLinks(host.route, { master: bridge.index });
  if (!ports.every((port) => isSpare?.(port))) return;
  for (const port of ports) deleteLink(host.route, port);
  deleteLink(host.route, bridge);
}

/** One whose MAC is not fixed takes on its ports' MACs, and changes it as they come and go. */
function makeBridge(host: NetworkStack, { name, mtu }: BridgeOptions): void {
  const link = { mac: randomMac(), ...(mtu && { mtu }), info: { kind: "bridge", data: {} } } as const;
  const make = (unfinished: string) => addLink(host.route, { ...link, name: unfinished }, name);
  const naming = { name, alias: ownBridgeAlias };
  // Somebody else's may have come meanwhile.
  unless(["EEXIST"], () => makeMarkedLink(host.route, unfinishedName(name), naming, make));
  // A router's advertisements inside the network are not for the host; and the gateway answers its containers at once.
  for (const setting of ["accept_ra", "accept_dad"]) trySysctl(`net/ipv6/conf/${name}/${setting}`, 0);
}

/** A kernel without CONFIG_BRIDGE_VLAN_FILTERING refuses the attribute, or passes over it. */
function enableVlanFiltering(host: NetworkStack, { name, index }: Link, own: boolean): void {
  const refuse = (found: string) =>
    new CniError(ErrorCode.invalidConfig, `Cannot use VLANs on bridge ${name}: ${found}`, {
      details: `vlan: found ${found}, allowed: a bridge with vlan_filtering on`,
    });
  if (!own) throw refuse("it is not ours and has vlan_filtering off");
  const filtering = { index, info: { kind: "bridge", data: { vlanFiltering: true } } } as const;
  unless(["EOPNOTSUPP"], () => setLink(host.route, `turn on vlan_filtering of ${name}`, filtering));
  const { info } = getLink(host.route, { index }) ?? {};
  if (info?.kind !== "bridge" || !info.data?.vlanFiltering) throw refuse("this kernel has no VLAN filtering");
}

function notABridge({ name, info }: Link): CniError {
  return new CniError(ErrorCode.invalidConfig, `"${name}" already exists but is not a bridge`, {
    details: `bridge: found a link of kind ${info?.kind ?? "ether"} named ${name}, allowed: the name of a bridge, or of no link`,
  });
}

function randomMac(): Mac {
  return macFromBytes(Uint8Array.of(0x02, ...Array.from({ length: 5 }, () => Math.floor(Math.random() * 256))));
}
