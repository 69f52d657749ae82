import { isIP } from "node:net";
import fc from "fast-check";
import IPCIDR from "ip-cidr";
import { describe, expect, test } from "vitest";
import { Address } from "../../../src/ip/address.ts";

const ipv4 = fc.bigInt({ min: 0n, max: (1n << 32n) - 1n }).map((value) => new Address(4, value));
const ipv6 = fc
  .oneof(
    fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
    // Runs of zeros, which is where the text form gets interesting.
    fc
      .array(fc.constantFrom(0n, 0n, 0n, 1n, 0xffffn, 0xabcn), { minLength: 8, maxLength: 8 })
      .map((groups) => groups.reduce<bigint>((value, group) => (value << 16n) | group, 0n)),
  )
  .filter((value) => value >> 32n !== 0xffffn)
  .map((value) => new Address(6, value));
const any = fc.oneof(ipv4, ipv6);

describe("text", () => {
  // RFC 4291 section 2.2, RFC 5952 sections 4 and 5.
  test.each([
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["10.1.0.7", "10.1.0.7"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["2001:DB8::A", "2001:db8::a"],
    ["2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:db8:0:0:1:0:0:0", "2001:db8:0:0:1::"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
    ["::ffff:10.0.0.1", "10.0.0.1"],
    ["::FFFF:a00:1", "10.0.0.1"],
    ["::1.2.3.4", "::102:304"],
    ["fe80::1", "fe80::1"],
  ])("%s is %s", (text, canonical) => {
    expect(Address.parse(text).toString()).toBe(canonical);
    expect(JSON.stringify(Address.parse(text))).toBe(`"${canonical}"`);
  });

  test.each([
    "",
    " ",
    "10",
    "10.0.0",
    "10.0.0.0.0",
    "10.0.0.256",
    "10.0.0.-1",
    "10.0.0.01",
    "010.0.0.1",
    "0x0a.0.0.1",
    "10.0.0.1 ",
    "10.0.0.1/8",
    "1e1.0.0.1",
    "١٠.0.0.1",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "::1:2:3:4:5:6:7:8",
    "1:2:3:4::5:6:7:8",
    ":1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7:",
    "12345::",
    "g::",
    "fe80::1%eth0",
    "[::1]",
    "::1.2.3",
    "::1.2.3.04",
    "1.2.3.4::",
    "::1.2.3.4:5",
    "1:2:3:4:5:6:7:1.2.3.4",
    "::1\n",
    "::1\0",
  ])("%j is refused", (text) => {
    expect(() => Address.parse(text)).toThrow(SyntaxError);
    expect(isIP(text.replace(/%.*/, "x"))).toBe(0);
  });

  test("what is printed is read as the same, and is what Node takes for an address", () => {
    fc.assert(
      fc.property(any, (address) => {
        expect(Address.parse(address.toString()).equals(address)).toBe(true);
        expect(isIP(address.toString())).toBe(address.family);
      }),
    );
  });

  test("any text is read exactly if Node takes it for an address", () => {
    const character = fc.constantFrom(..."0123456789abcdefF:.::..".split(""), "::", "255", "0");
    fc.assert(
      fc.property(fc.array(character, { maxLength: 24 }), (characters) => {
        const text = characters.join("");
        if (isIP(text) === 0) expect(() => Address.parse(text)).toThrow(SyntaxError);
        else expect(() => Address.parse(text)).not.toThrow();
      }),
      { numRuns: 2000 },
    );
  });

  test("canonical text is that of the URL parser (WHATWG)", () => {
    fc.assert(
      fc.property(ipv6, (address) => {
        expect(new URL(`http://[${address}]/`).hostname).toBe(`[${address}]`);
      }),
    );
  });
});

describe("bytes", () => {
  test("round trip, 4 or 16 of them", () => {
    fc.assert(
      fc.property(any, (address) => {
        expect(address.bytes).toHaveLength(address.family === 4 ? 4 : 16);
        expect(Address.fromBytes(address.bytes).equals(address)).toBe(true);
      }),
    );
  });

  test("in network order; IPv4-mapped ones are IPv4; no other length", () => {
    expect([...Address.parse("10.1.0.7").bytes]).toEqual([10, 1, 0, 7]);
    const mapped = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1);
    expect(Address.fromBytes(mapped).toString()).toBe("10.0.0.1");
    for (const length of [0, 3, 5, 15, 17]) expect(() => Address.fromBytes(new Uint8Array(length))).toThrow(RangeError);
  });
});

test("ip-cidr agrees on the value of an address", () => {
  fc.assert(
    fc.property(any, (address) => {
      const width = address.family === 4 ? 32 : 128;
      const oracle = new IPCIDR(`${address}/${width}`);
      expect(BigInt(String(oracle.start({ type: "bigInteger" })))).toBe(address.value);
    }),
  );
});

test.each<[text: string, kinds: string[]]>([
  ["0.0.0.0", ["isUnspecified"]],
  ["::", ["isUnspecified"]],
  ["127.0.0.1", ["isLoopback"]],
  ["127.255.255.255", ["isLoopback"]],
  ["128.0.0.0", []],
  ["::1", ["isLoopback"]],
  ["::2", []],
  ["169.254.1.1", ["isLinkLocal"]],
  ["169.255.0.0", []],
  ["fe80::1", ["isLinkLocal"]],
  ["febf:ffff::", ["isLinkLocal"]],
  ["fec0::", []],
  ["224.0.0.1", ["isMulticast"]],
  ["239.255.255.255", ["isMulticast"]],
  ["240.0.0.0", []],
  ["223.255.255.255", []],
  ["ff02::1", ["isMulticast"]],
  ["fe00::", []],
])("%s: %j", (text, kinds) => {
  const address = Address.parse(text);
  const all = ["isUnspecified", "isLoopback", "isLinkLocal", "isMulticast"] as const;
  expect(all.filter((kind) => address[kind])).toEqual(kinds);
});

test("arithmetic stays within the family", () => {
  expect(Address.parse("10.0.0.255").plus(1n).toString()).toBe("10.0.1.0");
  expect(Address.parse("::ffff").plus(1n).toString()).toBe("::1:0");
  expect(Address.parse("10.0.0.0").plus(-1n).toString()).toBe("9.255.255.255");
  expect(() => Address.parse("255.255.255.255").plus(1n)).toThrow(RangeError);
  expect(() => Address.parse("::").plus(-1n)).toThrow(RangeError);
  expect(() => Address.parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").plus(1n)).toThrow(RangeError);
  expect(Address.parse("0.0.0.1").equals(Address.parse("::1"))).toBe(false);
});
