import { be16, type Codec, u8 } from "./codec.ts";
import { type BodyCodec, body } from "./message.ts";
import { NetlinkSocket } from "./socket.ts";
import { struct } from "./struct.ts";

const NETLINK_NETFILTER = 12;

/** A socket for nf_tables and for connection tracking of the thread's network namespace. */
export function openNetfilter(): NetlinkSocket {
  return new NetlinkSocket(NETLINK_NETFILTER);
}

/** `struct nfgenmsg`. */
const nfgenmsg = struct({ family: u8, version: u8, resource: be16 });

/** The body of a message of netfilter: `struct nfgenmsg`, then attributes. */
export function netfilterBody<Attributes>(
  attributeSet: Codec<Attributes>,
): BodyCodec<{ family: number; version: number; resource: number }, Attributes> {
  return body(nfgenmsg, attributeSet);
}
