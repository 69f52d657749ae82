import type { FieldCodec, ValueOf } from "./codec.ts";
import type { Writer } from "./writer.ts";

// biome-ignore lint/suspicious/noExplicitAny: a table holds codecs of any value
type Fields = Readonly<Record<string, FieldCodec<any>>>;

/** The values of a struct's fields, padding left out. */
type StructOf<F extends Fields> = { [K in keyof F as K extends `_${string}` ? never : K]: ValueOf<F[K]> };

/** How a struct stands on the wire; fields left out when it is written are zero. */
export interface StructCodec<S> {
  readonly size: number;
  encode(value: Partial<S>, out: Writer): void;
  /** @throws RangeError when `bytes` are too few. */
  decode(bytes: Buffer): S;
}

/** A C struct without gaps: its fields in order. A field whose name starts with `_` is padding. */
export function struct<const F extends Fields>(fields: F): StructCodec<StructOf<F>> {
  const entries = Object.entries(fields);
  return {
    size: entries.reduce((size, [, codec]) => size + codec.size, 0),
    encode(value, out) {
      for (const [name, codec] of entries) {
        const field = (value as Record<string, unknown>)[name];
        if (field === undefined) out.zeros(codec.size);
        else codec.encode(field, out);
      }
    },
    decode(bytes) {
      const value: Record<string, unknown> = {};
      let offset = 0;
      for (const [name, codec] of entries) {
        if (!name.startsWith("_")) value[name] = codec.decode(bytes.subarray(offset, offset + codec.size));
        offset += codec.size;
      }
      return value as StructOf<F>;
    },
  };
}
