import fc from "fast-check";
import { expect, test } from "vitest";
import { Address } from "../../../src/ip/address.ts";
import { attributes, lazy, list, nested, readAttributes } from "../../../src/netlink/attributes.ts";
import {
  address,
  be16,
  be32,
  be64,
  binary,
  bool8,
  type Codec,
  flag,
  i32,
  mac,
  text,
  u8,
  u16,
  u32,
  u64,
} from "../../../src/netlink/codec.ts";
import { struct } from "../../../src/netlink/struct.ts";
import { Writer } from "../../../src/netlink/writer.ts";

function encode<T>(codec: { encode(value: T, out: Writer): void }, value: T): Buffer {
  const out = new Writer();
  codec.encode(value, out);
  return Buffer.from(out.bytes);
}

const addresses = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }).map((value) => new Address(4, value)),
  fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map((value) => new Address(6, value)),
  // IPv4-mapped, which the text form would turn into IPv4.
  fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }).map((value) => new Address(6, (0xffffn << 32n) | value)),
);
const macs = fc
  .array(fc.integer({ min: 0, max: 255 }), { minLength: 6, maxLength: 6 })
  .map((bytes) => bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(":"));
const texts = fc.string({ maxLength: 40 }).filter((value) => !value.includes("\0"));

const codecs: [name: string, codec: Codec<unknown>, values: fc.Arbitrary<unknown>][] = [
  ["u8", u8, fc.integer({ min: 0, max: 0xff })],
  ["u16", u16, fc.integer({ min: 0, max: 0xffff })],
  ["u32", u32, fc.integer({ min: 0, max: 0xffffffff })],
  ["i32", i32, fc.integer({ min: -0x80000000, max: 0x7fffffff })],
  ["u64", u64, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })],
  ["be16", be16, fc.integer({ min: 0, max: 0xffff })],
  ["be32", be32, fc.integer({ min: 0, max: 0xffffffff })],
  ["be64", be64, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })],
  ["bool8", bool8, fc.boolean()],
  ["text", text, texts],
  ["mac", mac, macs],
  ["address", address, addresses],
  [
    "struct",
    struct({ a: u8, _gap: u8, b: u16, c: i32 }) as Codec<unknown>,
    fc.record({ a: byte(), b: byte(), c: byte() }),
  ],
].map(([name, codec, values]) => [name, codec, values] as [string, Codec<unknown>, fc.Arbitrary<unknown>]);

function byte() {
  return fc.integer({ min: 0, max: 255 });
}

test.each(codecs)("what is written is read back: %s", (_, codec, values) => {
  fc.assert(
    fc.property(values, (value) => {
      expect(codec.decode(encode(codec, value))).toEqual(value);
    }),
  );
});

test.each([
  ["be16", encode(be16, 0x1234), "1234"],
  ["be32", encode(be32, 0xdeadbeef), "deadbeef"],
  ["be64", encode(be64, 0x0123456789abcdefn), "0123456789abcdef"],
  ["u16", encode(u16, 0x1234), "3412"],
  ["u32", encode(u32, 0xdeadbeef), "efbeadde"],
  ["text", encode(text, "eth0"), "6574683000"],
  ["flag", encode(flag, true), ""],
])("byte order and size: %s", (_, bytes, hex) => {
  expect(bytes.toString("hex")).toBe(hex);
});

test("a text ends at its zero byte, or where the attribute ends", () => {
  expect(text.decode(Buffer.from("lo\0junk"))).toBe("lo");
  expect(text.decode(Buffer.from("lo"))).toBe("lo");
  expect(text.decode(Buffer.alloc(0))).toBe("");
});

test("binary is a copy: the receive buffer is used again", () => {
  const buffer = Buffer.from([1, 2, 3]);
  const value = binary.decode(buffer);
  buffer.fill(0);
  expect([...value]).toEqual([1, 2, 3]);
});

const inner = attributes({ id: [1, u16], name: [3, text] });
const set = attributes({
  small: [1, u8],
  big: [2, u64],
  label: [3, text],
  on: [4, flag],
  inner: [nested(5), inner],
  items: [6, list(1, u32)],
  address: [7, address],
});
type SetValue = ReturnType<typeof set.decode>;

const values: fc.Arbitrary<SetValue> = fc.record(
  {
    small: byte(),
    big: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    label: texts,
    on: fc.constant(true),
    inner: fc.record({ id: byte(), name: texts }, { requiredKeys: [] }),
    items: fc.array(fc.integer({ min: 0, max: 0xffffffff }), { maxLength: 5 }),
    address: addresses,
  },
  { requiredKeys: [] },
);

test("an attribute set is read back as it was written, aligned to four bytes", () => {
  fc.assert(
    fc.property(values, (value) => {
      const bytes = encode(set, value);
      expect(bytes.length % 4).toBe(0);
      expect(set.decode(bytes)).toEqual(value);
    }),
  );
});

test("attributes that are not in the table are passed over", () => {
  const newer = attributes({ small: [1, u8], future: [60, text], label: [3, text] });
  expect(set.decode(encode(newer, { small: 1, future: "what", label: "x" }))).toEqual({ small: 1, label: "x" });
});

test("a set may hold itself", () => {
  interface Tree {
    id?: number;
    child?: Tree;
  }
  const tree: Codec<Tree> = attributes({ id: [1, u8], child: [2, lazy((): Codec<Tree> => tree)] });
  const value = { id: 1, child: { id: 2, child: { id: 3 } } };
  expect(tree.decode(encode(tree, value))).toEqual(value);
});

test("the nested flag is set where asked for, and ignored when read", () => {
  const bytes = encode(attributes({ inner: [nested(5), inner] }), { inner: { id: 1 } });
  expect(bytes.readUInt16LE(2)).toBe(0x8005);
  expect(attributes({ inner: [5, inner] }).decode(bytes)).toEqual({ inner: { id: 1 } });
});

test("an attribute that does not fit into 16 bits of length cannot be written", () => {
  expect(() => encode(set, { label: "x".repeat(65536) })).toThrow(RangeError);
});

const hostile: [what: string, hex: string][] = [
  ["length 0", "0000010000000000"],
  ["length less than its header", "0300010000000000"],
  ["length past the end", "0900010000000000"],
  ["greatest length", "ffff010000000000"],
  ["second attribute cut off", "0500010001000000ffff0200"],
  ["payload shorter than its number", "0500020001000000"],
  ["empty number", "04000100"],
  ["address of five bytes", "09000700010203040500000000"],
  ["length 0 inside another", "0c0005000000010000000000"],
  ["length past the end inside another", "0c000500ff00010000000000"],
];

test.each(hostile)("hostile bytes are a RangeError: %s", (_, hex) => {
  expect(() => set.decode(Buffer.from(hex, "hex"))).toThrow(RangeError);
});

test("less than a header at the end is no attribute", () => {
  expect([...readAttributes(Buffer.from("050001000a000000010203", "hex"))].map(({ type }) => type)).toEqual([1]);
});

test("whatever the bytes: a value or a RangeError, and soon", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        set.decode(Buffer.from(bytes));
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }),
    { numRuns: 2000 },
  );
});
