import { expect, test } from "vitest";
import { CniError, ErrorCode } from "../../../src/cni/error.ts";
import type { Version } from "../../../src/cni/version.ts";
import { Address } from "../../../src/ip/address.ts";
import { resolveRange, spansOf } from "../../../src/ipam/range.ts";
import { capacity, resolveRangeSets, spansFrom } from "../../../src/ipam/rangeset.ts";
import type { RangeConfig } from "../../../src/ipam/schema.ts";
import { formatSpan } from "../../../src/ipam/span.ts";

function resolveSets(sets: readonly (readonly RangeConfig[])[], version: Version = "1.0.0") {
  const configs = sets.map((set, i) => ({
    path: `ipam.ranges[${i}]`,
    ranges: set.map((range, j) => ({ path: `ipam.ranges[${i}][${j}]`, range })),
  }));
  return resolveRangeSets(configs, version);
}

const defaults: [config: RangeConfig, bounds: string, gateway: string, size: bigint][] = [
  [{ subnet: "192.0.2.0/24" }, "192.0.2.1-192.0.2.254", "192.0.2.1", 253n],
  [{ subnet: "192.0.2.0/29" }, "192.0.2.1-192.0.2.6", "192.0.2.1", 5n],
  [{ subnet: "192.0.2.0/30" }, "192.0.2.1-192.0.2.2", "192.0.2.1", 1n],
  [{ subnet: "2001:db8:1::/64" }, "2001:db8:1::1-2001:db8:1:0:ffff:ffff:ffff:ffff", "2001:db8:1::1", 2n ** 64n - 2n],
  [{ subnet: "0.0.0.0/0" }, "0.0.0.1-255.255.255.254", "0.0.0.1", 2n ** 32n - 3n],
  [{ subnet: "10.0.0.0/16", gateway: "10.9.9.9", rangeStart: "10.0.3.0" }, "10.0.3.0-10.0.255.254", "10.9.9.9", 64767n],
  [{ subnet: "10.0.0.0/16", rangeEnd: "10.0.0.9", rangeStart: "10.0.0.5" }, "10.0.0.5-10.0.0.9", "10.0.0.1", 5n],
  [{ subnet: "10.0.0.0/16", rangeEnd: "10.0.255.255" }, "10.0.0.1-10.0.255.255", "10.0.0.1", 65534n],
  [{ subnet: "::ffff:10.0.0.0/120" }, "10.0.0.1-10.0.0.254", "10.0.0.1", 253n],
];

test.each(defaults)("%j", (config, bounds, gateway, size) => {
  const range = resolveRange(config, "ipam");
  expect(formatSpan(range)).toBe(bounds);
  expect(range.gateway.toString()).toBe(gateway);
  expect(capacity([range])).toBe(size);
});

const givable: [config: RangeConfig, spans: string[]][] = [
  [{ subnet: "10.0.0.0/28" }, ["10.0.0.2-10.0.0.14"]],
  [{ subnet: "10.0.0.0/28", gateway: "10.0.0.7" }, ["10.0.0.1-10.0.0.6", "10.0.0.8-10.0.0.14"]],
  [{ subnet: "10.0.0.0/28", exclude: ["10.0.0.8/29", "10.0.0.3"] }, ["10.0.0.2-10.0.0.2", "10.0.0.4-10.0.0.7"]],
  [{ subnet: "10.0.0.0/28", auxAddresses: { printer: "10.0.0.2", router: "10.0.0.14" } }, ["10.0.0.3-10.0.0.13"]],
  [{ subnet: "10.0.0.0/24", ipRange: "10.0.0.128/30" }, ["10.0.0.128-10.0.0.131"]],
  [{ subnet: "10.0.0.0/24", ipRange: "10.0.0.0/30" }, ["10.0.0.2-10.0.0.3"]],
  [
    { subnet: "10.0.0.0/24", ipRange: "10.0.0.252/30", exclude: ["10.0.0.253"] },
    ["10.0.0.252-10.0.0.252", "10.0.0.254-10.0.0.254"],
  ],
  [{ subnet: "10.0.0.0/28", exclude: ["10.0.0.0/28"] }, []],
  [{ subnet: "fd00::/126", exclude: ["fd00::3"] }, ["fd00::2-fd00::2"]],
  [
    { subnet: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffc/126", exclude: ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"] },
    ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"],
  ],
];

test.each(givable)("%j gives %j", (config, spans) => {
  expect(spansOf(resolveRange(config, "ipam")).map(formatSpan)).toEqual(spans);
});

// RFC 3021 and RFC 6164: a network of two has neither network nor broadcast address.
test.each([
  ["10.0.0.4/31", "10.0.0.4", "10.0.0.5"],
  ["fd00::4/127", "fd00::4", "fd00::5"],
])("defect 35 of the Go suite: %s has two addresses to use", (subnet, first, second) => {
  const range = resolveRange({ subnet }, "ipam");
  expect([range.gateway, range.start, range.end].map(String)).toEqual([first, first, second]);
  expect(spansOf(range).map(formatSpan)).toEqual([`${second}-${second}`]);
  const reversed = resolveRange({ subnet, gateway: second }, "ipam");
  expect(spansOf(reversed).map(formatSpan)).toEqual([`${first}-${first}`]);
  const foreign = resolveRange({ subnet, gateway: "192.0.2.1" }, "ipam");
  expect(spansOf(foreign).map(formatSpan)).toEqual([`${first}-${second}`]);
});

const first = { subnet: "10.0.0.0/24" };
const refused: [sets: RangeConfig[][], message: RegExp, path: string, version?: Version][] = [
  [[[]], /: invalid range set 0: empty range set$/, "ipam.ranges[0]:"],
  [
    [[first], [{ subnet: "10.1.0.0/32" }]],
    /invalid range set 1: Network 10.1.0.0\/32 too small to allocate from$/,
    "ipam.ranges[1][0].subnet:",
  ],
  [[[{ subnet: "fd00::/128" }]], /Network fd00::\/128 too small to allocate from$/, "ipam.ranges[0][0].subnet:"],
  [
    [[{ subnet: "10.1.0.5/24" }]],
    /Network has host bits set. For a subnet mask of length 24 the network address is 10.1.0.0$/,
    "ipam.ranges[0][0].subnet:",
  ],
  [[[{ subnet: "10.1.0.0" }]], /invalid CIDR address: 10.1.0.0$/, "ipam.ranges[0][0].subnet:"],
  [[[{ subnet: "10.1.0.0/33" }]], /invalid CIDR address: 10.1.0.0\/33$/, "ipam.ranges[0][0].subnet:"],
  [[[{ subnet: "010.1.0.0/24" }]], /invalid CIDR address: 010.1.0.0\/24$/, "ipam.ranges[0][0].subnet:"],
  [
    [[{ ...first, rangeStart: "10.0.1.1" }]],
    /RangeStart 10.0.1.1 not in network 10.0.0.0\/24$/,
    "ipam.ranges[0][0].rangeStart:",
  ],
  [
    [[{ ...first, rangeEnd: "10.0.1.1" }]],
    /RangeEnd 10.0.1.1 not in network 10.0.0.0\/24$/,
    "ipam.ranges[0][0].rangeEnd:",
  ],
  [
    [[{ ...first, rangeStart: "10.0.0.9", rangeEnd: "10.0.0.8" }]],
    /RangeEnd 10.0.0.8 not in network 10.0.0.0\/24$/,
    "rangeEnd:",
  ],
  [[[{ ...first, rangeStart: "fd00::1" }]], /RangeStart fd00::1 not in network/, "rangeStart:"],
  [[[{ ...first, rangeStart: "ten" }]], /invalid IP address: ten$/, "rangeStart:"],
  [[[{ ...first, rangeStart: "10.0.0.255" }]], /the range is empty$/, "rangeStart:"],
  [[[{ ...first, gateway: "gate" }]], /invalid IP address: gate$/, "ipam.ranges[0][0].gateway:"],
  [[[first, { subnet: "fd00::/64" }]], /mixed address families$/, "ipam.ranges[0][1].subnet:"],
  [
    [[first, { ...first, rangeStart: "10.0.0.9" }]],
    /subnets 10.0.0.1-10.0.0.254 and 10.0.0.9-10.0.0.254 overlap$/,
    "ipam.ranges[0][1]:",
  ],
  [[[first], [{ subnet: "fd00::/64" }], [{ subnet: "10.0.0.0/8" }]], /range set 0 overlaps with 2$/, "ipam.ranges[2]:"],
  [
    [[first], [{ subnet: "10.1.0.0/24" }]],
    /CNI version 0.2.0 does not support more than 1 address per family$/,
    "cniVersion:",
    "0.2.0",
  ],
  [[[{ ...first, exclude: ["10.0.1.1"] }]], /10.0.1.1 not in network 10.0.0.0\/24$/, "ipam.ranges[0][0].exclude[0]:"],
  [[[{ ...first, exclude: ["10.0.0.0/16"] }]], /10.0.0.0\/16 not in network/, "exclude[0]:"],
  [[[{ ...first, exclude: ["fd00::1"] }]], /fd00::1 not in network/, "exclude[0]:"],
  [
    [[{ ...first, exclude: ["10.0.0.9", "10.0.0.8/30"] }]],
    /10.0.0.9 overlaps 10.0.0.8\/30 \(ipam.ranges\[0\]\[0\].exclude\[1\]\)$/,
    "exclude[0]:",
  ],
  [[[{ ...first, exclude: ["10.0.0.9"], auxAddresses: { tv: "10.0.0.9" } }]], /overlaps/, "10.0.0.9"],
  [[[{ ...first, exclude: ["10.0.0.9/24"] }]], /host bits set$/, "exclude[0]:"],
  [[[{ ...first, exclude: ["nine"] }]], /invalid address: nine$/, "exclude[0]:"],
  [[[{ ...first, auxAddresses: { tv: "10.0.9.9" } }]], /not in network/, "auxAddresses.tv:"],
  [[[{ ...first, ipRange: "10.0.9.0/25" }]], /ipRange 10.0.9.0\/25 not in network 10.0.0.0\/24$/, "ipRange:"],
  [
    [[{ ...first, ipRange: "10.0.0.0/25", rangeStart: "10.0.0.2" }]],
    /rangeStart and rangeEnd say the same$/,
    "ipRange:",
  ],
];

test.each(refused)("%j is refused", (sets, message, path, version) => {
  const error = errorOf(() => resolveSets(sets, version));
  expect(error.code).toBe(ErrorCode.invalidConfig);
  expect(error.message).toMatch(message);
  expect(error.details).toContain(path);
  expect(error.details).toMatch(/found .*, allowed: ./);
});

test("one set of each family is for every version", () => {
  expect(resolveSets([[first], [{ subnet: "fd00::/64" }]], "0.1.0")).toHaveLength(2);
});

test.each([
  ["10.0.0.5", ["10.0.0.6-10.0.0.6", "10.2.0.2-10.2.0.6", "10.0.0.2-10.0.0.5"]],
  ["10.0.0.6", ["10.2.0.2-10.2.0.6", "10.0.0.2-10.0.0.6"]],
  ["10.2.0.6", ["10.0.0.2-10.0.0.6", "10.2.0.2-10.2.0.6"]],
  ["10.0.0.1", ["10.0.0.2-10.0.0.6", "10.2.0.2-10.2.0.6"]],
  ["10.9.0.1", ["10.0.0.2-10.0.0.6", "10.2.0.2-10.2.0.6"]],
])("after %s come %j", (last, spans) => {
  const [set = []] = resolveSets([[{ subnet: "10.0.0.0/29" }, { subnet: "10.2.0.0/29" }]]);
  expect(spansFrom(set, Address.parse(last)).map(formatSpan)).toEqual(spans);
});

function errorOf(action: () => unknown): CniError {
  try {
    action();
  } catch (error) {
    if (error instanceof CniError) return error;
    throw error;
  }
  throw new Error("Nothing was thrown");
}
