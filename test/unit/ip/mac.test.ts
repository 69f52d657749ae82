import fc from "fast-check";
import { expect, test } from "vitest";
import { Address } from "../../../src/ip/address.ts";
import { macBytes, macForAddress, macFromBytes, parseMac } from "../../../src/ip/mac.ts";

test.each([
  ["02:42:0A:01:00:02", "02:42:0a:01:00:02"],
  ["02-42-0a-01-00-02", "02:42:0a:01:00:02"],
  ["0242.0a01.0002", "02:42:0a:01:00:02"],
  ["c2:11:22:33:44:55:66:77", "c2:11:22:33:44:55:66:77"],
  ["c211.2233.4455.6677", "c2:11:22:33:44:55:66:77"],
  [Array(20).fill("ff").join(":"), Array(20).fill("ff").join(":")],
])("%s is %s", (text, canonical) => expect(parseMac(text)).toBe(canonical));

test.each([
  "",
  "02:42:0a:01:00",
  "02:42:0a:01:00:02:03",
  "02:42-0a:01:00:02",
  "2:42:a:1:0:2",
  "02420a010002",
  "0242:0a01:0002",
  "02:42:0a:01:00:0g",
  "02:42:0a:01:00:02 ",
  "02:42:0a:01:00:02\n",
  "02:42:0a:01:00:02:",
  ":02:42:0a:01:00",
  "0242.0a01",
  "::",
])("%j is refused", (text) => expect(() => parseMac(text)).toThrow(SyntaxError));

test("round trip through bytes and every notation", () => {
  const bytes = fc.constantFrom(6, 8, 20).chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
  fc.assert(
    fc.property(bytes, (given) => {
      const mac = macFromBytes(given);
      expect(macBytes(mac)).toEqual(Uint8Array.from(given));
      expect(parseMac(mac.toUpperCase())).toBe(mac);
      expect(parseMac(mac.replaceAll(":", "-"))).toBe(mac);
      expect(parseMac(mac.replaceAll(/(..):(..)/g, "$1$2").replaceAll(":", "."))).toBe(mac);
    }),
  );
});

test("an address's MAC is Docker's, local and unicast, and the same every time", () => {
  expect(macForAddress(Address.parse("10.1.0.2"))).toBe("02:42:0a:01:00:02");
  expect(macForAddress(Address.parse("fd00::a01:2"))).toBe("02:42:0a:01:00:02");
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), (value) => {
      const address = new Address(6, value);
      const mac = macForAddress(address);
      expect((macBytes(mac)[0] ?? 0) & 0b11).toBe(0b10);
      expect(macForAddress(Address.parse(address.toString()))).toBe(mac);
    }),
  );
});
