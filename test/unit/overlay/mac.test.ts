import fc from "fast-check";
import { expect, test } from "vitest";
import { Address } from "../../../src/ip/address.ts";
import { macBytes } from "../../../src/ip/mac.ts";
import { vtepMac } from "../../../src/overlay/mac.ts";

test("an IPv4 address stands in the MAC whole", () => {
  expect(vtepMac(Address.parse("172.30.0.1"))).toBe("02:42:ac:1e:00:01");
});

test("IPv6 addresses that end alike have different MACs", () => {
  expect(vtepMac(Address.parse("2001:db8:1::1"))).not.toBe(vtepMac(Address.parse("2001:db8:2::1")));
});

test("a MAC is always the same, locally administered and unicast", () => {
  const addresses = fc.bigInt({ min: 1n << 64n, max: (1n << 128n) - 1n }).map((value) => new Address(6, value));
  fc.assert(
    fc.property(addresses, (address) => {
      const mac = vtepMac(address);
      expect(mac).toBe(vtepMac(Address.parse(address.toString())));
      expect((macBytes(mac)[0] ?? 0) & 3).toBe(2);
    }),
  );
});
