import type { Address } from "../ip/address.ts";
import { Prefix } from "../ip/prefix.ts";
import { attributes } from "../netlink/attributes.ts";
import { address, type Codec, u8, u32 } from "../netlink/codec.ts";
import { unless } from "../netlink/error.ts";
import { type BodyOf, body } from "../netlink/message.ts";
import { RequestFlag } from "../netlink/socket.ts";
import { struct } from "../netlink/struct.ts";
import { align } from "../netlink/writer.ts";
import { addressFamily, encodeRequest } from "./request.ts";
import type { RouteSocket } from "./socket.ts";

const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;

/** RT_TABLE_* of linux/rtnetlink.h. */
export const RouteTable = { main: 254, local: 255 } as const;
/** RT_SCOPE_* of linux/rtnetlink.h. */
export const RouteScope = { universe: 0, link: 253, host: 254, nowhere: 255 } as const;
/** RTN_* of linux/rtnetlink.h. */
export const RouteType = { unicast: 1, local: 2, blackhole: 6, unreachable: 7, prohibit: 8 } as const;
/** RTPROT_* of linux/rtnetlink.h. */
export const RouteProtocol = { kernel: 2, boot: 3, static: 4, routerAdvertisement: 9 } as const;
/** RTNH_F_* of linux/rtnetlink.h. */
export const HopFlag = { onlink: 4 } as const;

/** One way of a multipath route. */
export interface Hop {
  readonly gateway?: Address;
  readonly link?: number;
  /** Of {@link HopFlag}. */
  readonly flags?: number;
  /** How much more often than once in a round this way is taken. */
  readonly weight?: number;
}

const HOP_HEADER = 8;
const hopAttributes = attributes({ gateway: [5, address] });

/** `struct rtnexthop` with its attributes. */
const hops: Codec<Hop[]> = {
  encode(values, out) {
    for (const { gateway, link = 0, flags = 0, weight = 0 } of values) {
      const gatewaySize = gateway === undefined ? 0 : align(4 + gateway.bytes.length);
      out.u16(HOP_HEADER + gatewaySize);
      out.u8(flags);
      out.u8(weight);
      out.i32(link);
      hopAttributes.encode({ ...(gateway && { gateway }) }, out);
    }
  },
  decode(bytes) {
    const values: Hop[] = [];
    for (let offset = 0; offset + HOP_HEADER <= bytes.length; ) {
      const length = bytes.readUInt16LE(offset);
      if (length < HOP_HEADER || offset + length > bytes.length) {
        throw new RangeError(`Cannot read a next hop of ${length} bytes: ${bytes.length - offset} are there`);
      }
      const { gateway } = hopAttributes.decode(bytes.subarray(offset + HOP_HEADER, offset + length));
      const weight = bytes.readUInt8(offset + 3);
      values.push({
        flags: bytes.readUInt8(offset + 2),
        link: bytes.readInt32LE(offset + 4),
        ...(weight > 0 && { weight }),
        ...(gateway && { gateway }),
      });
      offset += align(length);
    }
    return values;
  },
};

/** `struct rtmsg`, RTA_* and RTAX_* of linux/rtnetlink.h. */
export const routeBody = body(
  struct({
    family: u8,
    destinationLength: u8,
    sourceLength: u8,
    tos: u8,
    _table: u8,
    protocol: u8,
    scope: u8,
    type: u8,
    flags: u32,
  }),
  attributes({
    destination: [1, address],
    inputLink: [3, u32],
    link: [4, u32],
    gateway: [5, address],
    priority: [6, u32],
    preferredSource: [7, address],
    metrics: [8, attributes({ mtu: [2, u32], advmss: [8, u32] })],
    hops: [9, hops],
    table: [15, u32],
  }),
);

type RouteBody = BodyOf<typeof routeBody>;

/** A route; what is left out is the kernel's default, `table` main and `type` unicast. */
export interface RouteEntry
  extends Omit<Partial<RouteBody>, "family" | "destination" | "destinationLength" | "sourceLength"> {
  readonly destination: Prefix;
}

/**
 * Adds a route beside those there are: an IPv4 route goes before others with its destination, table and priority, an
 * IPv6 one becomes one more way of theirs.
 *
 * @throws NetlinkError EEXIST when there is the very same route.
 */
export function addRoute(socket: RouteSocket, route: RouteEntry): void {
  socket.request(encodeRequest(`add ${label(route)}`, RTM_NEWROUTE, routeBody, toBody(route), RequestFlag.create));
}

/** Adds a route in place of the one with the same destination, table and priority, if there is one. */
export function replaceRoute(socket: RouteSocket, route: RouteEntry): void {
  const flags = RequestFlag.create | RequestFlag.replace;
  socket.request(encodeRequest(`set ${label(route)}`, RTM_NEWROUTE, routeBody, toBody(route), flags));
}

/** @returns false when there is no such route. */
export function deleteRoute(socket: RouteSocket, route: RouteEntry): boolean {
  const body = { ...toBody(route), scope: route.scope ?? RouteScope.nowhere };
  const request = encodeRequest(`delete ${label(route)}`, RTM_DELROUTE, routeBody, body);
  return unless(["ESRCH", "ENODEV"], () => socket.request(request)) !== undefined;
}

/** The routes of one family, of all tables unless the filter says which. */
export function listRoutes(
  socket: RouteSocket,
  family: 4 | 6,
  filter: Pick<Partial<RouteEntry>, "table" | "link"> = {},
): RouteEntry[] {
  const value = { family: addressFamily(family), ...filter };
  return socket
    .dump(encodeRequest("list routes", RTM_GETROUTE, routeBody, value))
    .map(({ body }) => fromBody(family, routeBody.decode(body)));
}

/** The route that the kernel takes to an address. @throws NetlinkError ENETUNREACH when there is none. */
export function lookUpRoute(socket: RouteSocket, destination: Address): RouteEntry {
  const { family } = destination;
  const value = { family: addressFamily(family), destinationLength: Prefix.host(destination).length, destination };
  const [answer] = socket.request(encodeRequest(`find a route to ${destination}`, RTM_GETROUTE, routeBody, value));
  if (answer === undefined) throw new Error(`Cannot find a route to ${destination}: the kernel gave no answer`);
  return fromBody(family, routeBody.decode(answer.body));
}

function toBody({ destination, ...route }: RouteEntry): Partial<RouteBody> & Omit<RouteBody, keyof RouteBody> {
  return {
    protocol: RouteProtocol.boot,
    type: RouteType.unicast,
    table: RouteTable.main,
    ...route,
    family: addressFamily(destination.family),
    destinationLength: destination.length,
    ...(!destination.isDefault && { destination: destination.first }),
  };
}

function fromBody(family: 4 | 6, { destination, destinationLength, ...route }: RouteBody): RouteEntry {
  return {
    ...route,
    destination: destination ? new Prefix(destination, destinationLength) : Prefix.all(family),
  };
}

function label({ destination, gateway, table }: RouteEntry): string {
  const via = gateway === undefined ? "" : ` via ${gateway}`;
  return `route to ${destination}${via}${table === undefined ? "" : ` in table ${table}`}`;
}
