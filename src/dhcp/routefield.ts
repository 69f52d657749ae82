import { Address } from "../ip/address.ts";
import { Prefix } from "../ip/prefix.ts";
import { type Field, listOf } from "./field.ts";

export interface DhcpRoute {
  readonly destination: Prefix;
  /** 0.0.0.0: the destination is on the link (RFC 3442). */
  readonly router: Address;
}

/** Destination and router of option 33 (RFC 2132 section 5.8): the destination's class tells the length of its prefix. */
export const classfulRoutes: Field<readonly DhcpRoute[]> = listOf(
  8,
  (bytes) => ({
    destination: classOf(Address.fromBytes(bytes.subarray(0, 4))),
    router: Address.fromBytes(bytes.subarray(4)),
  }),
  ({ destination, router }) => Buffer.from([...destination.address.bytes, ...router.bytes]),
);

/** Option 121 (RFC 3442): the prefix's length, as many octets as count, the router. */
export const classlessRoutes: Field<readonly DhcpRoute[]> = {
  encode: (routes) =>
    Buffer.concat(
      routes.map(({ destination, router }) => {
        const significant = destination.first.bytes.subarray(0, Math.ceil(destination.length / 8));
        return Buffer.from([destination.length, ...significant, ...router.bytes]);
      }),
    ),
  decode(bytes) {
    const routes: DhcpRoute[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = bytes.readUInt8(at);
      const significant = Math.ceil(length / 8);
      const end = at + 1 + significant + 4;
      if (length > 32 || end > bytes.length) return undefined;
      const destination = Buffer.alloc(4);
      bytes.copy(destination, 0, at + 1, at + 1 + significant);
      const router = Address.fromBytes(bytes.subarray(end - 4, end));
      routes.push({ destination: new Prefix(Address.fromBytes(destination), length).network, router });
      at = end;
    }
    return routes.length > 0 ? routes : undefined;
  },
};

function classOf(address: Address): Prefix {
  const first = address.bytes[0] ?? 0;
  if (address.isUnspecified) return Prefix.all(4);
  return new Prefix(address, first < 128 ? 8 : first < 192 ? 16 : 24).network;
}
