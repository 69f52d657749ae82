import fc from "fast-check";
import { expect, test } from "vitest";
import { hash, hostLinkName, networkMark, ownerMark } from "../../../src/attach/owner.ts";

/** IFALIASZ of linux/if.h, with the zero byte. */
const ALIAS_SIZE = 256;
const names = fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,250}$/);
const ifnames = fc.stringMatching(/^[a-z0-9._-]{1,15}$/);
const owners = fc.record({ network: names, containerID: names, ifname: ifnames });

test("the mark of short names is readable", () => {
  expect(ownerMark({ network: "net", containerID: "c1", ifname: "eth0" })).toBe("berth/net/c1/eth0");
  expect(networkMark("net")).toBe("berth/net/");
});

test("every mark fits into a link's alias, and begins with its network's mark", () => {
  fc.assert(
    fc.property(owners, (owner) => {
      const mark = ownerMark(owner);
      expect(Buffer.byteLength(mark)).toBeLessThan(ALIAS_SIZE);
      expect(mark.startsWith(networkMark(owner.network))).toBe(true);
    }),
  );
});

test("two owners have two marks", () => {
  fc.assert(
    fc.property(owners, owners, (a, b) => {
      const same = a.network === b.network && a.containerID === b.containerID && a.ifname === b.ifname;
      expect(ownerMark(a) === ownerMark(b)).toBe(same);
    }),
  );
});

test("long names that differ in their last character have two marks, and a hash is no name", () => {
  const long = (end: string) => `${"x".repeat(199)}${end}`;
  const mark = (network: string) => ownerMark({ network, containerID: "c", ifname: "eth0" });
  expect(mark(long("a"))).not.toBe(mark(long("b")));
  // "#" cannot begin a network's name or a container's.
  expect(mark(long("a"))).toMatch(/^berth\/#[0-9a-f]{16}\/c\/eth0$/);
  expect(mark("x".repeat(75))).toBe(`berth/${"x".repeat(75)}/c/eth0`);
});

test("the name of the host's end is a link name, and always the same", () => {
  fc.assert(
    fc.property(owners, (owner) => {
      const name = hostLinkName(owner);
      expect(name).toMatch(/^veth[0-9a-f]{11}$/);
      expect(hostLinkName({ ...owner })).toBe(name);
    }),
  );
});

// Test vectors of the FNV-1a specification (draft-eastlake-fnv).
test.each([
  ["", "cbf29ce484222325"],
  ["a", "af63dc4c8601ec8c"],
  ["foobar", "85944171f73967e8"],
])("hash of %j", (text, expected) => {
  expect(hash(text)).toBe(expected);
});
