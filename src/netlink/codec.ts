import { Address } from "../ip/address.ts";
import { type Mac, macBytes, macFromBytes } from "../ip/mac.ts";
import type { Writer } from "./writer.ts";

/** How one kind of value stands on the wire, both ways. */
export interface Codec<T> {
  encode(value: T, out: Writer): void;
  /** @throws RangeError when `bytes` are too few. */
  decode(bytes: Buffer): T;
}

/** The value that a codec reads. */
export type ValueOf<C> = C extends { decode(bytes: Buffer): infer T } ? T : never;

/** A codec whose values all take the same number of bytes: a field of a C struct. */
export interface FieldCodec<T> extends Codec<T> {
  readonly size: number;
}

export const u8: FieldCodec<number> = {
  size: 1,
  encode: (value, out) => out.u8(value),
  decode: (bytes) => bytes.readUInt8(),
};

export const u16: FieldCodec<number> = {
  size: 2,
  encode: (value, out) => out.u16(value),
  decode: (bytes) => bytes.readUInt16LE(),
};

export const u32: FieldCodec<number> = {
  size: 4,
  encode: (value, out) => out.u32(value),
  decode: (bytes) => bytes.readUInt32LE(),
};

export const i32: FieldCodec<number> = {
  size: 4,
  encode: (value, out) => out.i32(value),
  decode: (bytes) => bytes.readInt32LE(),
};

export const u64: FieldCodec<bigint> = {
  size: 8,
  encode: (value, out) => out.u64(value),
  decode: (bytes) => bytes.readBigUInt64LE(),
};

/** Network byte order, as in ports. */
export const be16: FieldCodec<number> = {
  size: 2,
  encode: (value, out) => out.u16(((value & 0xff) << 8) | (value >> 8)),
  decode: (bytes) => bytes.readUInt16BE(),
};

/** Network byte order, as in all numbers of nf_tables. */
export const be32: FieldCodec<number> = {
  size: 4,
  encode: (value, out) => out.raw(Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)),
  decode: (bytes) => bytes.readUInt32BE(),
};

export const be64: FieldCodec<bigint> = {
  size: 8,
  encode: (value, out) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(value);
    out.raw(bytes);
  },
  decode: (bytes) => bytes.readBigUInt64BE(),
};

/** A switch carried in one byte. */
export const bool8: FieldCodec<boolean> = {
  size: 1,
  encode: (value, out) => out.u8(value ? 1 : 0),
  decode: (bytes) => bytes.readUInt8() !== 0,
};

/** An attribute without content, which is true by being there. */
export const flag: Codec<boolean> = {
  encode: () => {},
  decode: () => true,
};

/** Text that ends with a zero byte. */
export const text: Codec<string> = {
  encode: (value, out) => {
    out.raw(Buffer.from(value, "utf8"));
    out.u8(0);
  },
  decode: (bytes) => {
    const end = bytes.indexOf(0);
    return bytes.toString("utf8", 0, end < 0 ? bytes.length : end);
  },
};

export const binary: Codec<Uint8Array> = {
  encode: (value, out) => out.raw(value),
  // The receive buffer is used again, so what is kept must be copied.
  decode: (bytes) => Buffer.from(bytes),
};

export const mac: Codec<Mac> = {
  encode: (value, out) => out.raw(macBytes(value)),
  decode: macFromBytes,
};

/** An IPv4 or IPv6 address: its length tells which. To the kernel an IPv4-mapped address is an IPv6 address. */
export const address: Codec<Address> = {
  encode: (value, out) => out.raw(value.bytes),
  decode: (bytes) =>
    bytes.length === 16
      ? new Address(6, (bytes.readBigUInt64BE(0) << 64n) | bytes.readBigUInt64BE(8))
      : Address.fromBytes(bytes),
};
