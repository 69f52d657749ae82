import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { convertResult, printResult, readPrevResult, readResult, resultVersion } from "../../../src/cni/convert.ts";
import { CniError } from "../../../src/cni/error.ts";
import { emptyResult } from "../../../src/cni/result.ts";
import { type Version, versions } from "../../../src/cni/version.ts";

const json = (value: unknown) => JSON.parse(JSON.stringify(value));
const dns = { nameservers: ["1.1.1.1"], domain: "local", search: ["a", "b"], options: ["ndots:1"] };
const metrics = { mtu: 1400, advmss: 1360, priority: 5, table: 0, scope: 0 };

/** One result as each family of versions prints it. */
function sample(version: Version): Record<string, unknown> {
  const index = versions.indexOf(version);
  const route4 = { dst: "0.0.0.0/0", gw: "10.1.0.1" };
  const route6 = { dst: "2001:db8::/32" };
  if (index < 2) {
    return {
      cniVersion: version,
      ip4: { ip: "10.1.0.2/24", gateway: "10.1.0.1", routes: [{ ...route4, ...metrics }] },
      ip6: { ip: "fd00::2/64", routes: [route6] },
      dns,
    };
  }
  const eth0 = { name: "eth0", mac: "02:42:0a:01:00:02", sandbox: "/run/netns/x" };
  const ips = [
    { address: "10.1.0.2/24", gateway: "10.1.0.1", interface: 0 },
    { address: "fd00::2/64", interface: 0 },
    { address: "10.1.0.3/24" },
  ];
  return {
    cniVersion: version,
    interfaces: [index < 5 ? eth0 : { ...eth0, mtu: 1500, socketPath: "/s", pciID: "0000:04:00.5" }],
    ips: index < 5 ? ips.map((ip) => ({ version: ip.address.includes(":") ? "6" : "4", ...ip })) : ips,
    routes: [{ ...route4, ...metrics }, route6],
    dns,
  };
}

/** What the conversion rules leave of it. */
function expected(from: Version, to: Version) {
  const [source, target] = [versions.indexOf(from), versions.indexOf(to)];
  const full = sample(to);
  if (source < 2 && target < 2) return full;
  if (target < 2) {
    const ip4 = { ip: "10.1.0.2/24", gateway: "10.1.0.1", routes: [{ dst: "0.0.0.0/0", gw: "10.1.0.1" }] };
    return { ...full, ip4 };
  }
  if (source < 2) {
    const { interfaces: _, ...rest } = full;
    const ips = (full["ips"] as { interface?: number }[]).slice(0, 2).map(({ interface: _, ...ip }) => ip);
    return { ...rest, ips };
  }
  if (source < 5) return { ...full, interfaces: (sample(from) as { interfaces: unknown })["interfaces"] };
  return full;
}

describe("7 × 7", () => {
  for (const from of versions) {
    for (const to of versions) {
      test(`${from} → ${to}`, () => {
        expect(convertResult(sample(from), "0.1.0", to)).toStrictEqual(json(expected(from, to)));
      });
    }
  }
});

test("target without a version is 0.1.0; unknown ones are refused", () => {
  expect(convertResult(sample("1.0.0"), "0.1.0", "")["cniVersion"]).toBe("0.1.0");
  expect(() => convertResult(sample("1.1.0"), "0.1.0", "1.2.0")).toThrow(
    "no converter for CNI result version 1.1.0 to 1.2.0",
  );
  expect(() => resultVersion({ cniVersion: "0.5.0" }, "1.0.0")).toThrow('unsupported CNI result version "0.5.0"');
  expect(resultVersion({}, "0.4.0")).toBe("0.4.0");
  expect(resultVersion({ CNIVersion: "1.0.0" }, "0.4.0")).toBe("1.0.0");
});

test("what is empty is not printed, but for dns before 1.0.0", () => {
  expect(printResult(emptyResult(), "1.1.0")).toEqual({ cniVersion: "1.1.0" });
  expect(printResult(emptyResult(), "0.4.0")).toEqual({ cniVersion: "0.4.0", dns: {} });
  const zeros = { interfaces: [{ name: "a", mac: "", mtu: 0, sandbox: "" }], dns: { search: [], domain: "" } };
  expect(convertResult(zeros, "1.1.0", "1.1.0")).toEqual({ cniVersion: "1.1.0", interfaces: [{ name: "a" }] });
  const route = { dst: "::/0", mtu: 0, advmss: 0, priority: 0, table: 0, scope: 0, gw: "" };
  expect(convertResult({ routes: [route] }, "1.1.0", "0.3.1")).toEqual({
    cniVersion: "0.3.1",
    routes: [{ dst: "::/0", table: 0, scope: 0 }],
    dns: {},
  });
});

test("0.1.0 and 0.2.0 need an address, and take routes only of the families that have one", () => {
  for (const version of ["0.1.0", "0.2.0"] as const) {
    expect(() => convertResult({ dns }, "1.0.0", version)).toThrow("cannot convert: no valid IP addresses");
  }
  const raw = { ips: [{ address: "fd00::2/64" }, { address: "fd00::3/64" }], routes: [{ dst: "0.0.0.0/0" }] };
  expect(convertResult(raw, "1.0.0", "0.2.0")).toEqual({ cniVersion: "0.2.0", ip6: { ip: "fd00::2/64" }, dns: {} });
});

test("an IPv4-mapped address is IPv4", () => {
  expect(convertResult({ ips: [{ address: "::ffff:10.0.0.2/120" }] }, "1.0.0", "0.4.0")).toEqual({
    cniVersion: "0.4.0",
    ips: [{ version: "4", address: "10.0.0.2/24" }],
    dns: {},
  });
});

test("what plugins in the field print is read, and never printed again", () => {
  const raw = {
    Interfaces: [
      { Name: "eth0", MAC: "AA-BB-CC-DD-EE-FF" },
      { name: "odd", mac: "not a MAC" },
    ],
    IPs: [
      { Address: "10.0.0.2/8", interface: -1, Gateway: "" },
      { address: "<nil>" },
      { version: "wrong", address: "FD00::0002/64", interface: null },
    ],
    routes: null,
    dns: null,
  };
  expect(convertResult(raw, "1.0.0", "1.0.0")).toEqual({
    cniVersion: "1.0.0",
    interfaces: [
      { name: "eth0", mac: "aa:bb:cc:dd:ee:ff" },
      { name: "odd", mac: "not a MAC" },
    ],
    ips: [{ address: "10.0.0.2/8" }, { address: "fd00::2/64" }],
  });
  expect(readResult(null, "1.0.0")).toEqual(emptyResult());
});

test.each([
  [{ ips: 5 }, /ips is not an array/],
  [{ ips: [5] }, /ips\[0\] is not an object/],
  [{ ips: [{ address: 5 }] }, /ips\[0\]\.address is not a string/],
  [{ ips: [{ address: "10.0.0.2" }] }, /invalid CIDR address: 10\.0\.0\.2/],
  [{ ips: [{ address: "010.0.0.2/8" }] }, /invalid CIDR address/],
  [{ ips: [{ address: "10.0.0.2/33" }] }, /invalid CIDR address/],
  [{ ips: [{ address: "10.0.0.2/8", gateway: "x" }] }, /invalid IP address: x/],
  [{ ips: [{ address: "10.0.0.2/8", interface: "0" }] }, /interface is not an integer/],
  [{ ips: [{ address: "10.0.0.2/8", interface: 2 ** 53 }] }, /interface is not an integer/],
  [{ routes: [{ dst: "0.0.0.0/0", mtu: 1.5 }] }, /routes\[0\]\.mtu is not an integer/],
  [{ routes: ["0.0.0.0/0"] }, /routes\[0\] is not an object/],
  [{ interfaces: [{ name: [] }] }, /interfaces\[0\]\.name is not a string/],
  [{ dns: { nameservers: "1.1.1.1" } }, /dns\.nameservers is not an array/],
  ["text", /result is not an object/],
])("%j is refused", (raw, message) => {
  expect(() => readResult(raw, "1.0.0")).toThrow(CniError);
  expect(() => readResult(raw, "1.0.0")).toThrow(message);
});

describe("prevResult", () => {
  const families = [
    ["0.1.0", "0.2.0"],
    ["0.3.0", "0.3.1", "0.4.0"],
    ["1.0.0", "1.1.0"],
  ];
  for (const config of versions) {
    const family = families.find((members) => members.includes(config)) ?? [];
    test(`with a configuration of ${config}`, () => {
      for (const version of versions) {
        const read = () => readPrevResult(sample(version), config);
        if (family.includes(version)) expect(read()?.ips[0]?.address.toString()).toBe("10.1.0.2/24");
        else {
          expect(read).toThrow(
            `could not parse prevResult: result type supports [${family.join(" ")}] but unmarshalled CNIVersion is "${version}"`,
          );
        }
      }
      const { cniVersion: _, ...unnamed } = sample(config);
      expect(readPrevResult(unnamed, config)?.ips).toHaveLength(config < "0.3.0" ? 2 : 3);
      const empty = () => readPrevResult({ ...unnamed, cniVersion: "" }, config);
      if (config < "0.3.0") expect(empty).not.toThrow();
      else expect(empty).toThrow('unmarshalled CNIVersion is ""');
      expect(readPrevResult(undefined, config)).toBeUndefined();
      expect(readPrevResult(null, config)).toBeUndefined();
      expect(() => readPrevResult({ cniVersion: "0.5.0" }, config)).toThrow("unsupported CNI result version");
    });
  }
});

test("any JSON is a result or one CniError, and what is printed is read as the same", () => {
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom("10.0.0.1/8", "::1/64", "<nil>", "eth0", -1, 0));
  const entry = fc.dictionary(fc.constantFrom("address", "ip", "dst", "gw", "interface", "name", "mac", "mtu"), value);
  const body = fc.record(
    {
      ips: fc.oneof(value, fc.array(entry)),
      routes: fc.oneof(value, fc.array(entry)),
      interfaces: fc.oneof(value, fc.array(entry)),
      ip4: fc.oneof(value, entry),
      dns: value,
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(body, fc.constantFrom(...versions), fc.constantFrom(...versions), (raw, from, to) => {
      try {
        const printed = convertResult(raw, from, to);
        expect(json(printed)).toEqual(printed);
        expect(convertResult(printed, from, to)).toEqual(printed);
        expect(JSON.stringify(printed)).not.toContain("<nil>/");
      } catch (error) {
        expect(error).toBeInstanceOf(CniError);
      }
    }),
  );
});
