import type { Mac } from "../ip/mac.ts";
import { attributes, lazy, readAttributes } from "../netlink/attributes.ts";
import { bool8, type Codec, i32, mac, text, u8, u16, u32, type ValueOf } from "../netlink/codec.ts";
import { unless } from "../netlink/error.ts";
import { type BodyOf, body } from "../netlink/message.ts";
import { RequestFlag } from "../netlink/socket.ts";
import { struct } from "../netlink/struct.ts";
import { bridge, bridgePort } from "./kinds/bridge.ts";
import { ipvlan } from "./kinds/ipvlan.ts";
import { macvlan } from "./kinds/macvlan.ts";
import { tun } from "./kinds/tun.ts";
import { vlan } from "./kinds/vlan.ts";
import { vrf } from "./kinds/vrf.ts";
import { vxlan } from "./kinds/vxlan.ts";
import { encodeRequest } from "./request.ts";
import type { RouteSocket } from "./socket.ts";

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;

/** IFF_* of linux/if.h. */
export const LinkFlag = {
  up: 0x1,
  broadcast: 0x2,
  loopback: 0x8,
  running: 0x40,
  noArp: 0x80,
  promiscuous: 0x100,
  allMulticast: 0x200,
} as const;

/** IF_OPER_* of linux/if.h (RFC 2863). */
export const OperState = { unknown: 0, notPresent: 1, down: 2, lowerLayerDown: 3, testing: 4, dormant: 5, up: 6 };

/** `struct ifinfomsg` of linux/rtnetlink.h. */
const ifinfomsg = struct({ family: u8, _pad: u8, type: u16, index: i32, flags: u32, change: u32 });

/** The other end of a veth, as it is asked for. */
export interface VethPeer {
  name?: string;
  mac?: Mac;
  mtu?: number;
  /** A descriptor of the namespace to make it in. */
  namespace?: number;
  flags?: number;
  change?: number;
}

/** The peer of a veth (VETH_INFO_PEER) is told as a whole link message. */
const veth = attributes({ peer: [1, lazy((): Codec<VethPeer> => linkBody)] });

/** What IFLA_INFO_DATA holds for each kind of link that has any. */
const kindData = { bridge, ipvlan, macvlan, tun, veth, vlan, vrf, vxlan };
/** What a master keeps for its ports (IFLA_INFO_SLAVE_DATA). */
const portData = { bridge: bridgePort };

type KindInfo<Kinds extends Record<string, Codec<unknown>>> = {
  [K in keyof Kinds]: { kind: K; data?: ValueOf<Kinds[K]> };
}[keyof Kinds];

/** A link's kind and what the kernel keeps for that kind; `kind` alone for kinds without data (dummy, ifb). */
export type LinkInfo = (KindInfo<typeof kindData> | { kind?: "dummy" | "ifb"; data?: never }) & {
  /** The kind of the master, and what it keeps for this port. */
  port?: KindInfo<typeof portData>;
};

/** IFLA_INFO_* of linux/if_link.h: the kind, which tells how to read the data. */
const linkInfo: Codec<LinkInfo> = {
  encode({ kind, data, port }, out) {
    if (kind !== undefined) out.attribute(1, () => text.encode(kind, out));
    if (data !== undefined) out.attribute(2, () => (kindData[kind] as Codec<unknown>).encode(data, out));
    if (port?.data !== undefined) {
      out.attribute(4, () => text.encode(port.kind, out));
      out.attribute(5, () => (portData[port.kind] as Codec<unknown>).encode(port.data, out));
    }
  },
  decode(bytes) {
    const raw = new Map(Array.from(readAttributes(bytes), ({ type, payload }) => [type, payload]));
    const read = (kindType: number, dataType: number, table: Record<string, Codec<unknown>>) => {
      const kind = raw.get(kindType);
      if (kind === undefined) return undefined;
      const name = text.decode(kind);
      const data = raw.get(dataType);
      return { kind: name, ...(data && table[name] && { data: table[name].decode(data) }) };
    };
    const port = read(4, 5, portData);
    return { ...read(1, 2, kindData), ...(port && { port }) } as LinkInfo;
  },
};

/** IFLA_* of linux/if_link.h. */
const linkAttributes = attributes({
  mac: [1, mac],
  name: [3, text],
  mtu: [4, u32],
  /** Index of the link beneath (macvlan, vlan) or of the peer (veth). */
  link: [5, u32],
  /** Index of the bridge or VRF that this is a port of; 0 takes it out. */
  master: [10, u32],
  txQueueLength: [13, u32],
  operState: [16, u8],
  info: [18, linkInfo],
  alias: [20, text],
  /** Of links that are changed or deleted together; 0 from the start. */
  group: [27, u32],
  /** A descriptor of the namespace to make the link in, or to move it to. */
  namespace: [28, u32],
  promiscuity: [30, u32],
  /** Of a bridge: whether one of its ports forwards. Unlike `operState` it is never late. */
  carrier: [33, bool8],
  /** Identifies the namespace of `link` where it is another. */
  linkNamespaceId: [37, i32],
  /** One of the further names of a link (up to 127 characters), to look it up by. */
  alternativeName: [53, text],
  /** What the hardware was made with; links without hardware have none. */
  permanentMac: [54, mac],
  /** The device that a link belongs to, as its bus names it: `0000:00:03.0` of `pci`. Since Linux 5.14. */
  deviceName: [56, text],
  deviceBus: [57, text],
});

/** A link message. */
export const linkBody = body(ifinfomsg, linkAttributes);

/** A link as the kernel tells it. */
export type Link = BodyOf<typeof linkBody> & { name: string };
/** A link as it is asked for; `flags` are set where `change` has a bit. */
export type NewLink = Parameters<typeof linkBody.encode>[0];
/** By its index, or by its name. */
export type LinkRef = { index: number } | { name: string };

function label(ref: LinkRef | { alternativeName: string }): string {
  if ("alternativeName" in ref) return ref.alternativeName;
  return "name" in ref ? ref.name : `link ${ref.index}`;
}

/** @returns undefined when there is no such link. */
export function getLink(socket: RouteSocket, ref: LinkRef | { alternativeName: string }): Link | undefined {
  const request = encodeRequest(`look at ${label(ref)}`, RTM_GETLINK, linkBody, ref);
  const [answer] = unless(["ENODEV"], () => socket.request(request)) ?? [];
  return answer && readLink(answer.body);
}

/** As {@link getLink}, for one that was there a moment ago. @throws Error when it is gone. */
export function expectLink(socket: RouteSocket, ref: LinkRef): Link {
  const link = getLink(socket, ref);
  if (link === undefined) throw new Error(`Cannot find ${label(ref)}: it vanished`);
  return link;
}

export function listLinks(socket: RouteSocket, filter: Pick<NewLink, "master" | "info"> = {}): Link[] {
  return socket.dump(encodeRequest("list links", RTM_GETLINK, linkBody, filter)).map(({ body }) => readLink(body));
}

/**
 * @param known what an error calls it, where it is made under a name for the time being.
 * @throws NetlinkError EEXIST when the name is taken.
 */
export function addLink(socket: RouteSocket, link: NewLink, known = link.name): void {
  const flags = RequestFlag.create | RequestFlag.exclusive;
  const what = [link.info?.kind, known].filter(Boolean).join(" ");
  socket.request(encodeRequest(`add ${what}`, RTM_NEWLINK, linkBody, link, flags));
}

/** @param operation what the change is for, in words that follow "Cannot". */
export function setLink(socket: RouteSocket, operation: string, link: NewLink & LinkRef): void {
  socket.request(encodeRequest(operation, RTM_NEWLINK, linkBody, link));
}

export function setLinkUp(socket: RouteSocket, link: LinkRef): void {
  setLink(socket, `set ${label(link)} up`, { ...ref(link), flags: LinkFlag.up, change: LinkFlag.up });
}

export function setLinkDown(socket: RouteSocket, link: LinkRef): void {
  setLink(socket, `set ${label(link)} down`, { ...ref(link), flags: 0, change: LinkFlag.up });
}

/** @returns false when there is no such link. */
export function deleteLink(socket: RouteSocket, link: LinkRef): boolean {
  const request = encodeRequest(`delete ${label(link)}`, RTM_DELLINK, linkBody, ref(link));
  return unless(["ENODEV"], () => socket.request(request)) !== undefined;
}

/**
 * Deletes links at once: the kernel waits for its processors' leave for all of them together, as long as for one
 * (unregister_netdevice_many in net/core/dev.c).
 */
export function deleteLinks(socket: RouteSocket, links: readonly Link[]): void {
  const [first, ...others] = links;
  if (first === undefined) return;
  if (others.length === 0) return void deleteLink(socket, first);
  // Of these links and no others, so that nobody else's deletion meets them.
  const group = 1 + Math.floor(Math.random() * 0x7ffffffe);
  for (const link of links) unless(["ENODEV"], () => setLink(socket, `delete ${link.name}`, { ...ref(link), group }));
  const names = links.map(({ name }) => name).join(", ");
  unless(["ENODEV"], () => socket.request(encodeRequest(`delete ${names}`, RTM_DELLINK, linkBody, { group })));
}

/** Reads a link message, as answers and link notifications carry it. */
export function readLink(bytes: Buffer): Link {
  return linkBody.decode(bytes) as Link;
}

/** An index where there is one: it stays when the link is renamed. */
function ref(link: LinkRef): LinkRef {
  return "index" in link ? { index: link.index } : { name: link.name };
}
