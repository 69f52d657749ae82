import type { Codec } from "./codec.ts";
import type { StructCodec } from "./struct.ts";
import { align, type Writer } from "./writer.ts";

/** `struct nlmsghdr` of linux/netlink.h, with what follows it. */
export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly body: Buffer;
}

const NLMSG_HEADER = 16;

/** @throws RangeError when a message's length does not fit. */
export function* readMessages(bytes: Buffer): Generator<Message> {
  for (let offset = 0; offset + NLMSG_HEADER <= bytes.length; ) {
    const length = bytes.readUInt32LE(offset);
    if (length < NLMSG_HEADER || offset + length > bytes.length) {
      throw new RangeError(`Cannot read a netlink message of ${length} bytes: ${bytes.length - offset} are there`);
    }
    yield {
      type: bytes.readUInt16LE(offset + 4),
      flags: bytes.readUInt16LE(offset + 6),
      sequence: bytes.readUInt32LE(offset + 8),
      body: bytes.subarray(offset + NLMSG_HEADER, offset + length),
    };
    offset += align(length);
  }
}

/** What a message carries after its header. */
export interface BodyCodec<Header, Attributes> {
  encode(value: Partial<Header> & Attributes, out: Writer): void;
  decode(bytes: Buffer): Header & Attributes;
}

/** The value that a {@link BodyCodec} gives when it reads. */
export type BodyOf<C> = C extends BodyCodec<infer Header, infer Attributes> ? Header & Attributes : never;

/**
 * A message body: a struct, then attributes. Both are one flat object, as one thinks of a link or a route; what is
 * left out when written is zero in the struct and absent among the attributes.
 */
export function body<Header, Attributes>(
  header: StructCodec<Header>,
  attributeSet: Codec<Attributes>,
): BodyCodec<Header, Attributes> {
  return {
    encode(value, out) {
      header.encode(value, out);
      attributeSet.encode(value, out);
    },
    decode: (bytes) => ({ ...header.decode(bytes), ...attributeSet.decode(bytes.subarray(align(header.size))) }),
  };
}
