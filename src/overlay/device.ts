import { CniError, ErrorCode } from "../cni/error.ts";
import type { Address } from "../ip/address.ts";
import { getTxChecksumOffload, setTxChecksumOffload } from "../linux/ethtool.ts";
import type { NetworkNamespace } from "../linux/namespace.ts";
import { trySysctl } from "../linux/sysctl.ts";
import { NetlinkError } from "../netlink/error.ts";
import {
  addLink,
  deleteLink,
  expectLink,
  getLink,
  type Link,
  LinkFlag,
  listLinks,
  setLink,
} from "../rtnetlink/link.ts";
import { makeMarkedLink } from "../rtnetlink/markedlink.ts";
import type { RouteSocket } from "../rtnetlink/socket.ts";
import { vtepMac } from "./mac.ts";

/** The host's end of an overlay's tunnels. */
export interface VxlanDevice {
  /** The network that it is for. */
  readonly network: string;
  readonly vni: number;
  /** UDP port. */
  readonly port: number;
  /** This host's address on the underlay. */
  readonly local: Address;
  /** In bytes. */
  readonly mtu: number;
  /** Whether it learns from what it receives which host a MAC is on. */
  readonly learning: boolean;
  /** Whether checksums of what goes into the tunnel are left to the underlay's hardware. */
  readonly checksumOffload: boolean;
  /** Index of the bridge that it is a port of, in mode l2. */
  readonly bridge?: number | undefined;
  /** As a port of the bridge: whether ARP and ND for known neighbours is answered here and not sent to the peers. */
  readonly suppression?: boolean | undefined;
}

export function vxlanName(vni: number): string {
  return `vxlan${vni}`;
}

/** No network's name holds a colon, so that this is no attachment's mark. */
function deviceMark(network: string): string {
  return `berth/vxlan:${network}`;
}

/** The overlay's device if it is there and Berth made it for this network. */
export function findDevice(
  route: RouteSocket,
  { network, vni }: Pick<VxlanDevice, "network" | "vni">,
): Link | undefined {
  const link = getLink(route, { name: vxlanName(vni) });
  return link?.alias === deviceMark(network) ? link : undefined;
}

/**
 * Makes the device, or repairs the one there is: the kernel cannot change its addresses, so one that has others is made
 * anew. To be called under the overlay's lock.
 *
 * @param changed is told what was done, as {@link import("./reconcile.ts").reconcile} tells it.
 * @throws CniError (invalidConfig) when the name, or the VNI on this port, is somebody else's.
 */
export function ensureDevice(
  route: RouteSocket,
  namespace: NetworkNamespace,
  device: VxlanDevice,
  changed: (text: string) => void = () => {},
): Link {
  const name = vxlanName(device.vni);
  const existing = getLink(route, { name });
  if (existing !== undefined && existing.alias !== deviceMark(device.network)) throw foreign(existing, device);
  const wrong = existing && differences(existing, device);
  if (existing !== undefined && wrong !== undefined) deleteLink(route, existing);
  if (existing === undefined || wrong !== undefined) {
    makeDevice(route, device);
    changed(`${wrong === undefined ? "made" : "made anew"} ${name}${wrong === undefined ? "" : `: ${wrong}`}`);
  }
  repairSettings(route, namespace, device, changed);
  return expectLink(route, { name });
}

/** @returns what is not as it should be and only a new device can have otherwise; undefined when all is right. */
export function differences(link: Link, { vni, port, local, learning }: VxlanDevice): string | undefined {
  const data = link.info?.kind === "vxlan" ? link.info.data : undefined;
  if (data === undefined) return `it is a ${link.info?.kind ?? "link without a kind"}`;
  const address = data.local ?? data.local6;
  if (data.vni !== vni) return `its VNI is ${data.vni}, not ${vni}`;
  if (data.port !== port) return `its port is ${data.port}, not ${port}`;
  if (!address?.equals(local)) return `its address is ${address ?? "not set"}, not ${local}`;
  if ((data.learning ?? false) !== learning) return `learning is ${learning ? "off" : "on"}`;
  return undefined;
}

/** Removes the device if Berth made it for this network. */
export function removeDevice(route: RouteSocket, device: Pick<VxlanDevice, "network" | "vni">): void {
  const link = findDevice(route, device);
  // An ADD may have been killed over it.
  deleteLink(route, { name: unfinishedName(device.vni) });
  if (link !== undefined) deleteLink(route, link);
}

function unfinishedName(vni: number): string {
  return `newvx${vni}`;
}

/**
 * The checksum of the outer UDP header stays on (the kernel's default over both IPv4 and IPv6): kernels before 5.7 spoil
 * the checksum of a tunnelled packet that is translated on its way when the outer one is zero.
 */
function makeDevice(route: RouteSocket, { network, vni, port, local, mtu, learning, bridge }: VxlanDevice): void {
  const name = vxlanName(vni);
  const address = local.family === 4 ? { local } : { local6: local };
  const link = {
    mtu,
    mac: vtepMac(local),
    ...(bridge !== undefined && { master: bridge }),
    info: { kind: "vxlan", data: { vni, port, ...address, learning } },
  } as const;
  try {
    makeMarkedLink(route, unfinishedName(vni), { name, alias: deviceMark(network) }, (unfinished) =>
      addLink(route, { ...link, name: unfinished }, name),
    );
  } catch (error) {
    throw error instanceof NetlinkError && error.code === "EEXIST" ? taken(route, vni, port, error) : error;
  }
}

function repairSettings(
  route: RouteSocket,
  namespace: NetworkNamespace,
  device: VxlanDevice,
  changed: (text: string) => void,
): void {
  const name = vxlanName(device.vni);
  const link = expectLink(route, { name });
  const { index } = link;
  if (link.mtu !== device.mtu) {
    setLink(route, `set the MTU of ${name}`, { index, mtu: device.mtu });
    changed(`set the MTU of ${name} to ${device.mtu}`);
  }
  const mac = vtepMac(device.local);
  if (link.mac !== mac) {
    setLink(route, `set the MAC of ${name}`, { index, mac });
    changed(`set the MAC of ${name} to ${mac}`);
  }
  if ((link.master ?? 0) !== (device.bridge ?? 0)) {
    setLink(route, `add port ${name} to its bridge`, { index, master: device.bridge ?? 0 });
    changed(`made ${name} a port of its bridge`);
  }
  if (device.bridge !== undefined) repairPort(route, link, device);
  namespace.run(() => {
    trySysctl(`net/ipv6/conf/${name}/accept_ra`, 0);
    if (getTxChecksumOffload(name) !== device.checksumOffload) setTxChecksumOffload(name, device.checksumOffload);
  });
  if (link.flags & LinkFlag.up) return;
  setLink(route, `set up ${name}`, { index, flags: LinkFlag.up, change: LinkFlag.up });
  changed(`set ${name} up`);
}

/** With entries for each container there is nothing that the bridge would have to learn from the tunnel. */
function repairPort(route: RouteSocket, { index, name, info }: Link, { suppression = false }: VxlanDevice): void {
  const { neighbourSuppression = false } = info?.port?.data ?? {};
  if (neighbourSuppression === suppression) return;
  setLink(route, `set up port ${name}`, {
    index,
    info: { port: { kind: "bridge", data: { neighbourSuppression: suppression } } },
  });
}

function foreign(link: Link, { network }: VxlanDevice): CniError {
  const owner = link.alias?.startsWith("berth/vxlan:")
    ? `the network ${link.alias.slice("berth/vxlan:".length)}`
    : `somebody else: it is a ${link.info?.kind ?? "link"}`;
  return new CniError(
    ErrorCode.invalidConfig,
    `Cannot use ${link.name} for the network ${network}: it is there already`,
    {
      details: `vni: found ${link.name} of ${owner}, allowed: a VNI that no other network has`,
    },
  );
}

/** The kernel has each VNI once on a port, counting devices that were moved to other namespaces since. */
function taken(route: RouteSocket, vni: number, port: number, cause: unknown): CniError {
  const holder = listLinks(route, { info: { kind: "vxlan" } }).find(
    ({ info }) => info?.kind === "vxlan" && info.data?.vni === vni && info.data.port === port,
  );
  const who = holder === undefined ? "a device that was moved to another namespace" : holder.name;
  return new CniError(ErrorCode.invalidConfig, `Cannot use VNI ${vni} on port ${port}: ${who} has it`, {
    details: `vni: found ${vni}, allowed: a VNI that ${who} does not have on port ${port}`,
    cause,
  });
}
