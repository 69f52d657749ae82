import fc from "fast-check";
import { expect, test } from "vitest";
import { readLease6 } from "../../../src/dhcp/lease6.ts";
import {
  decodeMessage6,
  encodeClientName,
  encodeMessage6,
  type Message6,
  MessageType6,
  readAssociation,
  readStatus,
} from "../../../src/dhcp/message6.ts";
import { messages6 } from "./captures.ts";

type Name = keyof typeof messages6;
const iaid = 0x0000000c;

function message(name: Name): Message6 {
  const decoded = decodeMessage6(messages6[name]);
  if (decoded === undefined) throw new Error(`no message in ${name}`);
  return decoded;
}

test.each(Object.keys(messages6) as Name[])("%s: what was read is written the same", (name) => {
  expect(encodeMessage6(message(name)).toString("hex")).toBe(messages6[name].toString("hex"));
});

test("what ISC's server advertises, and gives", () => {
  expect(message("dhcpd: advertise").type).toBe(MessageType6.advertise);
  const association = readAssociation(message("dhcpd: reply"), iaid);
  expect(association).toMatchObject({ iaid, renew: 0, rebind: 0, status: { code: 0, text: "" } });
  expect(association?.addresses.map(({ address, preferred, valid }) => [String(address), preferred, valid])).toEqual([
    ["fd50::1c6", 300, 600],
  ]);
  expect(readAssociation(message("dhcpd: reply"), 1)).toBeUndefined();
});

test("a lease: the address alone, its times by the preferred lifetime", () => {
  const { ip, routes, dns, times, server } = readLease6({ message: messages6["dhcpd: reply"], at: 0 }, iaid);
  expect(String(ip.address)).toBe("fd50::1c6/128");
  expect(ip.gateway).toBeUndefined();
  expect(routes).toEqual([]);
  expect(dns).toEqual({ nameservers: ["fd50::53"], search: ["a.example.org", "example.org"] });
  expect(times).toEqual({ renew: 150_000, rebind: 240_000, expire: 600_000 });
  expect(server.toString("hex")).toBe("00010001329401eb020000000001");
  expect(() => readLease6({ message: messages6["dhclient: solicit"], at: 0 }, iaid)).toThrow("no address and server");
});

test("a name without a domain is told without its end", () => {
  expect(encodeClientName("web-0").toString("latin1")).toBe("\0\x05web-0");
  expect(encodeClientName("a.example").toString("latin1")).toBe("\0\x01a\x07example\0");
});

test("whatever comes from a network is read without failing", () => {
  const captured = fc.constantFrom(...Object.values(messages6));
  const damaged = fc
    .tuple(captured, fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 20 }), fc.nat(200))
    .map(([bytes, changes, length]) => {
      const copy = Buffer.from(bytes);
      for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
      return copy.subarray(0, length);
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), damaged), (bytes) => {
      const decoded = decodeMessage6(Buffer.from(bytes));
      if (decoded === undefined) return;
      readAssociation(decoded, iaid);
      readStatus(decoded);
      try {
        readLease6({ message: Buffer.from(bytes), at: 0 }, iaid);
      } catch (error) {
        expect((error as Error).message).toMatch(/^Cannot use the DHCPv6 server's reply/);
      }
    }),
    { numRuns: 3000 },
  );
});
