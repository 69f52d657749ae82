import fc from "fast-check";
import IPCIDR from "ip-cidr";
import { describe, expect, test } from "vitest";
import { Address } from "../../../src/ip/address.ts";
import { Prefix } from "../../../src/ip/prefix.ts";

const prefix = (family: 4 | 6) => {
  const bits = family === 4 ? 32 : 128;
  return fc
    .record({
      value: fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n }),
      length: fc.integer({ min: 0, max: bits }),
    })
    .filter(({ value }) => family === 4 || value >> 32n !== 0xffffn)
    .map(({ value, length }) => new Prefix(new Address(family, value), length));
};
const any = fc.oneof(prefix(4), prefix(6));

test.each([
  ["10.1.0.7/16", "10.1.0.7/16", "10.1.0.0/16", "10.1.0.0", "10.1.255.255"],
  ["0.0.0.0/0", "0.0.0.0/0", "0.0.0.0/0", "0.0.0.0", "255.255.255.255"],
  ["10.0.0.1/32", "10.0.0.1/32", "10.0.0.1/32", "10.0.0.1", "10.0.0.1"],
  ["10.0.0.1/31", "10.0.0.1/31", "10.0.0.0/31", "10.0.0.0", "10.0.0.1"],
  ["FD00::7/64", "fd00::7/64", "fd00::/64", "fd00::", "fd00::ffff:ffff:ffff:ffff"],
  ["::/0", "::/0", "::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["::1/128", "::1/128", "::1/128", "::1", "::1"],
  ["::ffff:10.0.0.2/120", "10.0.0.2/24", "10.0.0.0/24", "10.0.0.0", "10.0.0.255"],
  ["::ffff:10.0.0.2/96", "10.0.0.2/0", "0.0.0.0/0", "0.0.0.0", "255.255.255.255"],
])("%s is %s of %s: %s to %s", (text, canonical, network, first, last) => {
  const parsed = Prefix.parse(text);
  expect([parsed, parsed.network, parsed.first, parsed.last].map(String)).toEqual([canonical, network, first, last]);
  expect(JSON.stringify([parsed])).toBe(`["${canonical}"]`);
});

test.each([
  "",
  "/",
  "10.0.0.1",
  "10.0.0.1/",
  "/8",
  "10.0.0.1/33",
  "10.0.0.1/-1",
  "10.0.0.1/+8",
  "10.0.0.1/08",
  "10.0.0.1/8.0",
  "10.0.0.1/1e1",
  "10.0.0.1/ 8",
  " 10.0.0.1/8",
  "10.0.0.1/8/8",
  "10.0.0.1/255.0.0.0",
  "10.0.0/8",
  "::/129",
  "::1/999",
  "::/-0",
  "::ffff:10.0.0.2/95",
  "fe80::1%eth0/64",
  "10.0.0.1/8\n",
])("%j is refused", (text) => expect(() => Prefix.parse(text)).toThrow(SyntaxError));

test("a length that the family does not have", () => {
  for (const length of [-1, 33, 1.5, Number.NaN]) {
    expect(() => new Prefix(Address.parse("10.0.0.1"), length)).toThrow(RangeError);
  }
});

describe("properties", () => {
  test("what is printed is read as the same", () => {
    fc.assert(
      fc.property(any, (a) => {
        expect(Prefix.parse(String(a)).equals(a)).toBe(true);
      }),
    );
  });

  test("ip-cidr agrees on the first and the last address", () => {
    fc.assert(
      fc.property(any, (a) => {
        const oracle = new IPCIDR(String(a));
        expect(BigInt(String(oracle.start({ type: "bigInteger" })))).toBe(a.first.value);
        expect(BigInt(String(oracle.end({ type: "bigInteger" })))).toBe(a.last.value);
      }),
    );
  });

  test("a prefix holds its own addresses, and not the ones beside it", () => {
    fc.assert(
      fc.property(any, (a) => {
        expect([a.first, a.address, a.last].every((address) => a.contains(address))).toBe(true);
        const bits = a.family === 4 ? 32n : 128n;
        if (a.first.value > 0n) expect(a.contains(a.first.plus(-1n))).toBe(false);
        if (a.last.value < (1n << bits) - 1n) expect(a.contains(a.last.plus(1n))).toBe(false);
        expect(a.contains(a.family === 4 ? Address.parse("::1") : Address.parse("10.0.0.1"))).toBe(false);
      }),
    );
  });

  test("overlap is that of the ranges, and the same both ways", () => {
    const near = fc.tuple(any, fc.integer({ min: 0, max: 32 }), fc.bigInt({ min: 0n, max: 3n }));
    fc.assert(
      fc.property(near, any, ([a, length, flip], other) => {
        const neighbour = new Prefix(new Address(a.family, a.address.value ^ flip), length);
        for (const b of [neighbour, other]) {
          const ranges = a.family === b.family && a.first.value <= b.last.value && b.first.value <= a.last.value;
          expect([a.overlaps(b), b.overlaps(a)]).toEqual([ranges, ranges]);
        }
      }),
    );
  });
});

test("one address, all addresses, equality with host bits", () => {
  expect(String(Prefix.host(Address.parse("10.0.0.1")))).toBe("10.0.0.1/32");
  expect(String(Prefix.host(Address.parse("::1")))).toBe("::1/128");
  expect([Prefix.all(4), Prefix.all(6)].map(String)).toEqual(["0.0.0.0/0", "::/0"]);
  expect(Prefix.all(4).isDefault && !Prefix.parse("0.0.0.0/1").isDefault).toBe(true);
  expect(Prefix.parse("10.0.0.1/8").equals(Prefix.parse("10.0.0.2/8"))).toBe(false);
});
