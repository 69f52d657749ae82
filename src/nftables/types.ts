import { Address } from "../ip/address.ts";
import { macBytes, macFromBytes } from "../ip/mac.ts";

/** One field of a key or of data. */
export type Value = Address | string | number;

interface DataType<T extends Value> {
  /** nft's own number (enum datatypes in its include/datatype.h), by which `nft list` knows how to print. */
  readonly id: number;
  /** In bytes. */
  readonly size: number;
  /** Whether the bytes are in the host's order, not the network's. */
  readonly hostOrder?: true;
  readonly encode: (value: T) => Uint8Array;
  readonly decode: (bytes: Buffer) => T;
}

function unsigned(bytes: number, write: (buffer: Buffer, value: number) => void): (value: number) => Uint8Array {
  return (value) => {
    const buffer = Buffer.alloc(bytes);
    write(buffer, value);
    return buffer;
  };
}

const addressType = (id: number, size: number): DataType<Address> => ({
  id,
  size,
  encode: (value) => value.bytes,
  decode: (bytes) => Address.fromBytes(bytes.subarray(0, size)),
});

const byteType = (id: number): DataType<number> => ({
  id,
  size: 1,
  encode: (value) => Uint8Array.of(value),
  decode: (bytes) => bytes.readUInt8(),
});

/** Of a register, in the host's order. */
const wordType = (id: number): DataType<number> => ({
  id,
  size: 4,
  hostOrder: true,
  encode: unsigned(4, (buffer, value) => buffer.writeUInt32LE(value)),
  decode: (bytes) => bytes.readUInt32LE(),
});

/** The types of fields, by nft's names. */
export const dataTypes = {
  nf_proto: byteType(2),
  ipv4_addr: addressType(7, 4),
  ipv6_addr: addressType(8, 16),
  ether_addr: {
    id: 9,
    size: 6,
    encode: macBytes,
    decode: (bytes) => macFromBytes(bytes.subarray(0, 6)),
  } satisfies DataType<string>,
  inet_proto: byteType(12),
  inet_service: {
    id: 13,
    size: 2,
    encode: unsigned(2, (buffer, value) => buffer.writeUInt16BE(value)),
    decode: (bytes) => bytes.readUInt16BE(),
  } satisfies DataType<number>,
  mark: wordType(19),
  ifname: {
    id: 41,
    size: 16,
    hostOrder: true,
    encode: (value) => {
      const bytes = Buffer.alloc(16);
      bytes.write(value, "utf8");
      return bytes;
    },
    decode: (bytes) => bytes.toString("utf8", 0, bytes.indexOf(0)),
  } satisfies DataType<string>,
} as const;

export type DataTypeName = keyof typeof dataTypes;

/** Bits that one field takes in the number of a concatenated type (nft: TYPE_BITS). */
const TYPE_BITS = 6;

/** The number by which nft knows the concatenation of `types`. */
export function typeID(types: readonly DataTypeName[]): number {
  return types.reduce((id, type) => (id << TYPE_BITS) | dataTypes[type].id, 0);
}

/** The bytes of a field within a concatenation: registers are of four bytes. */
export function paddedSize(type: DataTypeName): number {
  return (dataTypes[type].size + 3) & ~3;
}

/** The bytes of a key or of data: a single field as it is, several padded to four bytes each. */
export function sizeOf(types: readonly DataTypeName[]): number {
  const [only, ...more] = types;
  if (only !== undefined && more.length === 0) return dataTypes[only].size;
  return types.reduce((size, type) => size + paddedSize(type), 0);
}

export function encodeFields(types: readonly DataTypeName[], values: readonly Value[]): Uint8Array {
  const bytes = Buffer.alloc(sizeOf(types));
  let offset = 0;
  for (const [i, type] of types.entries()) {
    const encode = dataTypes[type].encode as (value: Value | undefined) => Uint8Array;
    bytes.set(encode(values[i]), offset);
    offset += paddedSize(type);
  }
  return bytes;
}

export function decodeFields(types: readonly DataTypeName[], bytes: Uint8Array): Value[] {
  let offset = 0;
  return types.map((type) => {
    const field = Buffer.from(bytes.subarray(offset, offset + dataTypes[type].size));
    offset += paddedSize(type);
    return dataTypes[type].decode(field);
  });
}
