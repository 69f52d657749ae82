import type { BodyCodec } from "../netlink/message.ts";
import type { Request } from "../netlink/socket.ts";

/** A request whose content a codec writes. */
export function encodeRequest<Header, Attributes>(
  operation: string,
  type: number,
  codec: BodyCodec<Header, Attributes>,
  value: Partial<Header> & Attributes,
  flags = 0,
): Request {
  return { operation, type, flags, write: (out) => codec.encode(value, out) };
}

/** Address families (linux/socket.h). */
export const AddressFamily = { unspecified: 0, inet: 2, bridge: 7, inet6: 10 } as const;

/** The kernel's number of an IP address family. */
export function addressFamily(family: 4 | 6): number {
  return family === 4 ? AddressFamily.inet : AddressFamily.inet6;
}
