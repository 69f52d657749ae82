import { domainList, domainText } from "./domainfield.ts";
import { address4, addresses4, type Field, octets, text, u8, u16, u32 } from "./field.ts";
import { classfulRoutes, classlessRoutes } from "./routefield.ts";

/** Options of DHCPv4 that have a meaning here: code and form (RFC 2132, 3397, 3442). */
const table = {
  subnetMask: [1, address4],
  routers: [3, addresses4],
  nameServers: [6, addresses4],
  hostName: [12, text],
  domainName: [15, domainText],
  mtu: [26, u16],
  staticRoutes: [33, classfulRoutes],
  timeServers: [42, addresses4],
  requestedAddress: [50, address4],
  /** In seconds, as the two times below; 2³²−1: for ever. */
  leaseTime: [51, u32],
  messageType: [53, u8],
  server: [54, address4],
  requested: [55, octets],
  message: [56, text],
  largestMessage: [57, u16],
  renewalTime: [58, u32],
  rebindingTime: [59, u32],
  clientIdentifier: [61, octets],
  domainSearch: [119, domainList],
  classlessRoutes: [121, classlessRoutes],
} as const satisfies Record<string, readonly [code: number, field: object]>;

type Table = typeof table;
/** What a message says in its options, as far as it has a meaning here. */
export type Options4 = { readonly [K in keyof Table]?: Table[K][1] extends Field<infer T> ? T : never };
/** All options of a message by their codes. */
export type RawOptions = ReadonlyMap<number, Uint8Array>;

export function encodeOptions4(options: Options4): Map<number, Uint8Array> {
  const entries = Object.entries(options).map(([name, value]): [number, Uint8Array] => {
    const [code, field] = table[name as keyof Table];
    return [code, (field as unknown as Field<unknown>).encode(value)];
  });
  return new Map(entries);
}

/** Never fails: an option that is not of its form is left out. */
export function decodeOptions4(raw: RawOptions): Options4 {
  const entries = Object.entries(table).flatMap(([name, [code, field]]) => {
    const bytes = raw.get(code);
    const value = bytes && (field as unknown as Field<unknown>).decode(Buffer.from(bytes));
    return value === undefined ? [] : [[name, value]];
  });
  return Object.fromEntries(entries);
}
