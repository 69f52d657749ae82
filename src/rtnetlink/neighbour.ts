import { attributes } from "../netlink/attributes.ts";
import { address, be16, i32, mac, u8, u16, u32 } from "../netlink/codec.ts";
import { unless } from "../netlink/error.ts";
import { type BodyOf, body } from "../netlink/message.ts";
import { RequestFlag } from "../netlink/socket.ts";
import { struct } from "../netlink/struct.ts";
import { AddressFamily, addressFamily, encodeRequest } from "./request.ts";
import type { RouteSocket } from "./socket.ts";

const RTM_NEWNEIGH = 28;
const RTM_DELNEIGH = 29;
const RTM_GETNEIGH = 30;

/** NUD_* of linux/neighbour.h. */
export const NeighbourState = { reachable: 0x02, stale: 0x04, failed: 0x20, noArp: 0x40, permanent: 0x80 } as const;
/** NTF_* of linux/neighbour.h. */
export const NeighbourFlag = { self: 0x02, master: 0x04, proxy: 0x08, router: 0x80 } as const;

/** `struct ndmsg` and NDA_* of linux/neighbour.h. */
export const neighbourBody = body(
  struct({ family: u8, _pad: u8, _pad2: u16, link: i32, state: u16, flags: u8, type: u8 }),
  attributes({
    destination: [1, address],
    mac: [2, mac],
    vlan: [5, u16],
    port: [6, be16],
    vni: [7, u32],
    dumpedLink: [8, u32],
    master: [9, u32],
    /** Who made the entry, as with routes (RTPROT_*). */
    protocol: [12, u8],
  }),
);

/** An entry of the ARP or ND table; with a bridge's or VXLAN's forwarding entries (FDB), of those. */
export type Neighbour = BodyOf<typeof neighbourBody>;
export type NewNeighbour = Partial<Neighbour>;

/** Sets the MAC behind an address on a link, whatever stood there. */
export function setNeighbour(socket: RouteSocket, entry: NewNeighbour): void {
  socket.request(request("set", entry, RTM_NEWNEIGH, RequestFlag.create | RequestFlag.replace));
}

/** Adds one more destination of a MAC to a forwarding table: how a VXLAN floods to several peers. */
export function appendForwarding(socket: RouteSocket, entry: NewNeighbour): void {
  const flags = RequestFlag.create | RequestFlag.append;
  socket.request(request("add", { family: AddressFamily.bridge, ...entry }, RTM_NEWNEIGH, flags));
}

/** @returns false when there is no such entry. */
export function deleteNeighbour(socket: RouteSocket, entry: NewNeighbour): boolean {
  return (
    unless(["ENOENT", "ESRCH", "ENODEV"], () => socket.request(request("delete", entry, RTM_DELNEIGH, 0))) !== undefined
  );
}

/** @param family IPv4, IPv6, or a forwarding table (AddressFamily.bridge). `link` limits it to one link's entries. */
export function listNeighbours(socket: RouteSocket, family: number, link = 0): Neighbour[] {
  // The ARP and ND tables take the link as an attribute (NDA_IFINDEX), the forwarding tables in the header.
  const filter = family === AddressFamily.bridge ? { link } : { dumpedLink: link };
  return socket
    .dump(encodeRequest("list neighbours", RTM_GETNEIGH, neighbourBody, { family, ...filter }))
    .map(({ body }) => neighbourBody.decode(body));
}

function request(verb: string, entry: NewNeighbour, type: number, flags: number) {
  const family = entry.family ?? (entry.destination ? addressFamily(entry.destination.family) : AddressFamily.bridge);
  const what = [entry.mac, entry.destination].filter(Boolean).join(" at ");
  return encodeRequest(`${verb} neighbour ${what}`, type, neighbourBody, { ...entry, family }, flags);
}
