import type { Codec, ValueOf } from "./codec.ts";
import { align } from "./writer.ts";

// biome-ignore lint/suspicious/noExplicitAny: a table holds codecs of any value
type Table = Readonly<Record<string, readonly [type: number, codec: Codec<any>]>>;

/** The values of an attribute set: each may be there or not. */
export type AttributesOf<T extends Table> = { [K in keyof T]?: ValueOf<T[K][1]> };

const NLA_HEADER = 4;
/** The upper bits of an attribute's type are flags: NLA_F_NESTED and NLA_F_NET_BYTEORDER (linux/netlink.h). */
const NLA_TYPE_MASK = 0x3fff;
const NLA_F_NESTED = 0x8000;

/**
 * The codec of an attribute set, from one table of name, kernel type and codec of the value. Attributes are written in
 * the order of the table; unknown ones are passed over when read, so a newer kernel's additions do no harm.
 */
export function attributes<const T extends Table>(table: T): Codec<AttributesOf<T>> {
  // Made when first asked for: most sets are never read, and a process is short.
  let byType: Map<number, { name: string; codec: Codec<unknown> }> | undefined;
  return {
    encode(value, out) {
      for (const [name, [type, codec]] of Object.entries(table)) {
        const attribute = value[name];
        if (attribute !== undefined) out.attribute(type, () => codec.encode(attribute, out));
      }
    },
    decode(bytes) {
      byType ??= new Map(Object.entries(table).map(([name, [type, codec]]) => [type & NLA_TYPE_MASK, { name, codec }]));
      const value: Record<string, unknown> = {};
      for (const attribute of readAttributes(bytes)) {
        const known = byType.get(attribute.type);
        if (known !== undefined) value[known.name] = known.codec.decode(attribute.payload);
      }
      return value as AttributesOf<T>;
    },
  };
}

/** An attribute that holds a list: each item an attribute of type `itemType`. */
export function list<T>(itemType: number, item: Codec<T>): Codec<T[]> {
  return {
    encode(values, out) {
      for (const value of values) out.attribute(itemType, () => item.encode(value, out));
    },
    decode(bytes) {
      const items = Array.from(readAttributes(bytes)).filter(({ type }) => type === (itemType & NLA_TYPE_MASK));
      return items.map(({ payload }) => item.decode(payload));
    },
  };
}

/** A codec that is made at its first use: for sets that contain themselves. */
export function lazy<T>(make: () => Codec<T>): Codec<T> {
  return { encode: (value, out) => make().encode(value, out), decode: (bytes) => make().decode(bytes) };
}

/** Marks an attribute's type as holding attributes, which the kernel demands in newer sets. */
export function nested(type: number): number {
  return type | NLA_F_NESTED;
}

/** @throws RangeError when an attribute's length does not fit. */
export function* readAttributes(bytes: Buffer): Generator<{ type: number; payload: Buffer }> {
  for (let offset = 0; offset + NLA_HEADER <= bytes.length; ) {
    const length = bytes.readUInt16LE(offset);
    if (length < NLA_HEADER || offset + length > bytes.length) {
      throw new RangeError(`Cannot read a netlink attribute of ${length} bytes: ${bytes.length - offset} are there`);
    }
    yield {
      type: bytes.readUInt16LE(offset + 2) & NLA_TYPE_MASK,
      payload: bytes.subarray(offset + NLA_HEADER, offset + length),
    };
    offset += align(length);
  }
}
