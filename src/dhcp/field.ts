import { Address } from "../ip/address.ts";

/**
 * The value of an option. `decode` gives undefined for bytes that are no such value: a server's odd option is left out, and
 * its others count.
 */
export interface Field<T> {
  readonly encode: (value: T) => Uint8Array;
  readonly decode: (bytes: Buffer) => T | undefined;
}

export const u8: Field<number> = integer(1);
export const u16: Field<number> = integer(2);
export const u32: Field<number> = integer(4);

/** Octets as they are. */
export const octets: Field<Uint8Array> = { encode: (value) => value, decode: (bytes) => bytes };

/** Text; some servers end it with NUL. What is no text is left out, since it ends up in files and on terminals. */
export const text: Field<string> = {
  encode: (value) => Buffer.from(value),
  decode(bytes) {
    const value = bytes.toString("utf8").replace(/\0+$/, "");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    return value === "" || /[\x00-\x1f\x7f\ufffd]/.test(value) ? undefined : value;
  },
};

export const address4: Field<Address> = {
  encode: (value) => value.bytes,
  decode: (bytes) => (bytes.length === 4 ? Address.fromBytes(bytes) : undefined),
};
export const addresses4 = listOf(
  4,
  (bytes) => Address.fromBytes(bytes),
  (address) => address.bytes,
);
export const addresses6 = listOf(
  16,
  (bytes) => Address.fromBytes(bytes),
  (address) => address.bytes,
);

function integer(size: 1 | 2 | 4): Field<number> {
  return {
    encode(value) {
      const bytes = Buffer.alloc(size);
      bytes.writeUIntBE(value, 0, size);
      return bytes;
    },
    decode: (bytes) => (bytes.length === size ? bytes.readUIntBE(0, size) : undefined),
  };
}

/** Values of a fixed size, at least one. */
export function listOf<T>(
  size: number,
  read: (bytes: Buffer) => T,
  write: (value: T) => Uint8Array,
): Field<readonly T[]> {
  return {
    encode: (values) => Buffer.concat(values.map(write)),
    decode(bytes) {
      if (bytes.length === 0 || bytes.length % size !== 0) return undefined;
      return Array.from({ length: bytes.length / size }, (_, i) => read(bytes.subarray(i * size, (i + 1) * size)));
    },
  };
}
