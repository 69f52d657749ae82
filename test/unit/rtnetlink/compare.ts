import { expect } from "vitest";
import { readAttributes } from "../../../src/netlink/attributes.ts";
import { type BodyCodec, type Message, readMessages } from "../../../src/netlink/message.ts";
import { Writer } from "../../../src/netlink/writer.ts";

/** The one message that `bytes` are. */
export function onlyMessage(bytes: Buffer): Message {
  const [message, ...others] = readMessages(bytes);
  if (message === undefined || others.length > 0) throw new Error("These are not the bytes of one message");
  return message;
}

/** Writes a value with the header of a captured message. */
export function write<H, A>(
  codec: BodyCodec<H, A>,
  { type, flags, sequence }: Message,
  value: Partial<H> & A,
): Message {
  const out = new Writer();
  out.message({ type, flags, sequence }, () => codec.encode(value, out));
  return onlyMessage(out.bytes);
}

/**
 * Expects two message bodies to say the same: the same struct, the same attributes with the same bytes. The order of
 * attributes is free, and a text may end with a zero byte or not: the kernel takes both.
 *
 * @param header bytes of the struct before the attributes.
 */
export function expectSame(ours: Buffer, theirs: Buffer, header: number): void {
  expectPart(ours, theirs, header);
  expect(missing(attributesOf(theirs, header), attributesOf(ours, header)), "what we leave out").toEqual([]);
}

/** Expects one body to say nothing that the other does not: the kernel tells more than we read. */
export function expectPart(ours: Buffer, theirs: Buffer, header: number): void {
  expect(ours.subarray(0, header)).toEqual(theirs.subarray(0, header));
  expect(missing(attributesOf(ours, header), attributesOf(theirs, header)), "what only we say").toEqual([]);
}

type Attribute = ReturnType<typeof attributesOf>[number];

function attributesOf(bytes: Buffer, offset: number) {
  return Array.from(readAttributes(bytes.subarray(offset)), ({ type, payload }) => ({ type, payload }));
}

function missing(some: Attribute[], all: Attribute[]): string[] {
  const isThere = (one: Attribute) => all.some((other) => other.type === one.type && says(other.payload, one.payload));
  return some.filter((one) => !isThere(one)).map(({ type, payload }) => `${type}: ${payload.toString("hex")}`);
}

function says(whole: Buffer, part: Buffer): boolean {
  const text = [whole, part].map((bytes) => bytes.toString("hex").replace(/^((?:[2-7].){3,})00$/, "$1"));
  // A veth's peer is a struct ifinfomsg and attributes, others are attributes alone.
  return text[0] === text[1] || [0, 16].some((offset) => holds(whole, part, offset));
}

function holds(whole: Buffer, part: Buffer, offset: number): boolean {
  try {
    const [all, some] = [attributesOf(whole, offset), attributesOf(part, offset)];
    const sameStart = whole.subarray(0, offset).equals(part.subarray(0, offset));
    return sameStart && some.length > 0 && missing(some, all).length === 0;
  } catch {
    return false; // no attributes
  }
}
