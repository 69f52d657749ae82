import fc from "fast-check";
import { expect, test } from "vitest";
import { CniError, ErrorCode } from "../../../src/cni/error.ts";
import { Address } from "../../../src/ip/address.ts";
import { allocate, assignRequests, hasFree, type Order, type Reservations } from "../../../src/ipam/allocator.ts";
import { type RangeSet, resolveRangeSets } from "../../../src/ipam/rangeset.ts";
import type { RangeConfig } from "../../../src/ipam/schema.ts";

/** Reservations as simply as can be, and everything the allocator did to them. */
class Memory implements Reservations<string> {
  readonly holders = new Map<string, string>();
  readonly last = new Map<number, Address>();

  nextFree(address: Address): Address | undefined {
    let next = address;
    while (this.holders.has(next.toString())) next = next.plus(1n);
    return next;
  }
  reserve(address: Address, owner: string): boolean {
    if (this.holders.has(address.toString())) return false;
    this.holders.set(address.toString(), owner);
    return true;
  }
  release(address: Address): void {
    this.holders.delete(address.toString());
  }
  heldBy(owner: string): Address[] {
    return [...this.holders].flatMap(([address, holder]) => (holder === owner ? [Address.parse(address)] : []));
  }
  lastReserved(set: number): Address | undefined {
    return this.last.get(set);
  }
  setLastReserved(set: number, address: Address): void {
    this.last.set(set, address);
  }
  recheck(): boolean {
    return false;
  }
}

function resolveSets(sets: readonly (readonly RangeConfig[])[]): RangeSet[] {
  const configs = sets.map((ranges, i) => ({
    path: `ipam.ranges[${i}]`,
    ranges: ranges.map((range, j) => ({ path: `ipam.ranges[${i}][${j}]`, range })),
  }));
  return resolveRangeSets(configs, "1.0.0");
}

interface Wish {
  readonly owner?: string;
  readonly order?: Order;
  readonly requested?: readonly string[];
  readonly preferred?: string;
}

function allocateText(sets: readonly RangeSet[], memory: Memory, wish: Wish = {}): string[] {
  const { owner = "c1", order = "roundRobin", requested = [], preferred } = wish;
  const request = {
    owner,
    ownerName: owner,
    order,
    wanted: assignRequests(
      sets,
      requested.map((text) => Address.parse(text)),
    ),
    ...(preferred !== undefined && { preferred: () => Address.parse(preferred) }),
  };
  return allocate(sets, request, memory).map(({ address, gateway }) => `${address} ${gateway}`);
}

function errorOf(action: () => unknown): CniError {
  try {
    action();
  } catch (error) {
    if (error instanceof CniError) return error;
    throw error;
  }
  throw new Error("Nothing was thrown");
}

// --- The Go suite's own table of round robin ----------------------------------------------------------------------

const four = { subnet: "10.0.0.0/29" };
const pair: RangeConfig[] = [{ subnet: "10.0.1.0/29" }, { subnet: "10.0.2.0/29", rangeStart: "10.0.2.3" }];
const roundRobin: [name: string, set: RangeConfig[], last: string, taken: string[], next: string][] = [
  ["fresh IPv4", [four], "", [], "10.0.0.2"],
  ["fresh IPv6", [{ subnet: "2001:db8:1::/64" }], "", [], "2001:db8:1::2"],
  ["fresh /30", [{ subnet: "10.0.0.0/30" }], "", [], "10.0.0.2"],
  ["first one taken", [four], "", ["10.0.0.2"], "10.0.0.3"],
  ["after the last", [four], "10.0.0.5", [], "10.0.0.6"],
  ["wrap around", [four], "10.0.0.6", [], "10.0.0.2"],
  ["wrap around over taken ones", [four], "10.0.0.4", ["10.0.0.4", "10.0.0.5", "10.0.0.6"], "10.0.0.2"],
  ["last is in no range", [four], "10.0.0.128", [], "10.0.0.2"],
  ["only the last is free", [four], "10.0.0.4", ["10.0.0.2", "10.0.0.3", "10.0.0.5", "10.0.0.6"], "10.0.0.4"],
  ["on to the next range", pair, "10.0.1.6", [], "10.0.2.3"],
  ["from the last range to the first", pair, "10.0.2.6", [], "10.0.1.2"],
  ["over a full range", pair, "10.0.1.5", ["10.0.1.6", "10.0.2.3", "10.0.2.4", "10.0.2.5", "10.0.2.6"], "10.0.1.2"],
  ["gateway in the middle", [{ ...four, gateway: "10.0.0.4" }], "10.0.0.3", [], "10.0.0.5"],
  ["never the broadcast address", [four], "", ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"], "10.0.0.6"],
];

test.each(roundRobin)("round robin, %s", (_name, set, last, taken, next) => {
  const memory = new Memory();
  if (last) memory.last.set(0, Address.parse(last));
  for (const address of taken) memory.holders.set(address, "other");
  const [ip = ""] = allocateText(resolveSets([set]), memory);
  expect(ip.split("/")[0]).toBe(next);
  expect(memory.last.get(0)?.toString()).toBe(next);
});

test("lowest free takes no notice of the last", () => {
  const memory = new Memory();
  const sets = resolveSets([[four]]);
  memory.last.set(0, Address.parse("10.0.0.4"));
  expect(allocateText(sets, memory, { order: "lowestFree" })).toEqual(["10.0.0.2/29 10.0.0.1"]);
  expect(memory.last.get(0)?.toString()).toBe("10.0.0.2");
});

// --- Requests -----------------------------------------------------------------------------------------------------

const sets = resolveSets([[four, { subnet: "10.2.0.0/24", exclude: ["10.2.0.64/26"] }], [{ subnet: "fd00::/64" }]]);

test("requests find their sets, in any order", () => {
  const memory = new Memory();
  const wish = { requested: ["fd00::99", "10.2.0.7", "10.2.0.7"] };
  expect(allocateText(sets, memory, wish)).toEqual(["10.2.0.7/24 10.2.0.1", "fd00::99/64 fd00::1"]);
  expect(allocateText(sets, memory, { requested: ["10.0.0.5"], owner: "c2" })[1]).toBe("fd00::9a/64 fd00::1");
});

const refused: [requested: string[], code: number, message: string][] = [
  [["10.0.0.1"], ErrorCode.invalidConfig, "Cannot allocate for range 0: requested ip 10.0.0.1 is subnet's gateway"],
  [["10.2.0.65"], ErrorCode.invalidConfig, "Cannot allocate for range 0: requested ip 10.2.0.65 is excluded"],
  [
    ["10.0.0.2"],
    ErrorCode.tryAgainLater,
    "Cannot allocate for range 0: requested IP address 10.0.0.2 is not available in range set 10.0.0.1-10.0.0.6,10.2.0.1-10.2.0.254",
  ],
  [
    ["fd00::2"],
    ErrorCode.tryAgainLater,
    "Cannot allocate for range 1: requested IP address fd00::2 is not available in range set fd00::1-fd00::ffff:ffff:ffff:ffff",
  ],
  [["10.0.0.7"], ErrorCode.invalidConfig, "Cannot allocate all requested IPs: 10.0.0.7"],
  [
    ["10.0.0.3", "10.0.0.4", "192.0.2.1"],
    ErrorCode.invalidConfig,
    "Cannot allocate all requested IPs: 10.0.0.4 192.0.2.1",
  ],
];

test.each(refused)("request for %j is refused, and nothing stays", (requested, code, message) => {
  const memory = new Memory();
  allocateText(sets, memory, { owner: "other" });
  const error = errorOf(() => allocateText(sets, memory, { requested }));
  expect([error.code, error.message]).toEqual([code, message]);
  expect(memory.heldBy("c1")).toEqual([]);
});

test("a second address only for who asks for one", () => {
  const memory = new Memory();
  allocateText(sets, memory);
  const message = "Cannot allocate for range 0: 10.0.0.2 has been allocated to c1, duplicate allocation is not allowed";
  expect(errorOf(() => allocateText(sets, memory)).message).toBe(message);
  expect(allocateText(sets, memory, { requested: ["10.0.0.5", "fd00::7"] })).toHaveLength(2);
  expect(memory.heldBy("c1")).toHaveLength(4);
});

test("what the owner had before survives a refused request for more", () => {
  const memory = new Memory();
  allocateText(sets, memory);
  expect(errorOf(() => allocateText(sets, memory, { requested: ["10.0.0.5"] })).message).toContain("for range 1");
  expect(memory.heldBy("c1").map(String)).toEqual(["10.0.0.2", "fd00::2"]);
});

test("a preferred address is given if it is free and may be given", () => {
  const memory = new Memory();
  const [v4 = []] = sets;
  expect(allocateText([v4], memory, { preferred: "10.2.0.9" })).toEqual(["10.2.0.9/24 10.2.0.1"]);
  expect(allocateText([v4], memory, { preferred: "10.2.0.9", owner: "c2" })).toEqual(["10.2.0.10/24 10.2.0.1"]);
  expect(allocateText([v4], memory, { preferred: "10.2.0.1", owner: "c3" })).toEqual(["10.2.0.11/24 10.2.0.1"]);
  expect(allocateText([v4], memory, { preferred: "10.2.0.70", owner: "c4" })).toEqual(["10.2.0.12/24 10.2.0.1"]);
});

test("exhaustion gives numbers, and leaves nothing of the sets before", () => {
  const memory = new Memory();
  const tight = resolveSets([[{ subnet: "fd00::/64" }], [four]]);
  for (let i = 0; i < 5; i++) allocateText(tight, memory, { owner: `c${i}` });
  expect(hasFree(tight[1] ?? [], memory)).toBe(false);
  const error = errorOf(() => allocateText(tight, memory, { owner: "late" }));
  expect(error.code).toBe(ErrorCode.tryAgainLater);
  expect(error.message).toBe("Cannot allocate for range 1: no IP addresses available in range set: 10.0.0.1-10.0.0.6");
  expect(error.details).toBe("all 5 addresses are reserved");
  expect(memory.heldBy("late")).toEqual([]);
});

// --- Against a model ----------------------------------------------------------------------------------------------

/** All that a set can give, one by one: what the allocator's spans must come to. */
function enumerate(set: RangeSet): string[] {
  return set.flatMap(({ pool, gateway, excluded }) => {
    const all: string[] = [];
    for (let { value } = pool.start; value <= pool.end.value; value++) {
      const isExcluded = excluded.some(({ start, end }) => value >= start.value && value <= end.value);
      const address = new Address(pool.start.family, value);
      if (!isExcluded && !address.equals(gateway)) all.push(address.toString());
    }
    return all;
  });
}

function expectedNext(set: RangeSet, memory: Memory, order: Order): string | undefined {
  const all = enumerate(set);
  const last = order === "roundRobin" ? memory.last.get(0) : undefined;
  const after = last === undefined ? 0 : all.indexOf(last.toString()) + 1;
  return [...all.slice(after), ...all.slice(0, after)].find((address) => !memory.holders.has(address));
}

const network = (family: 4 | 6, index: number) => (family === 4 ? `10.${index}.0.0/28` : `fd00:${index + 1}::/124`);
const host = (family: 4 | 6, index: number, n: number) =>
  family === 4
    ? `10.${index}.0.${n}`
    : Address.parse(`fd00:${index + 1}::`)
        .plus(BigInt(n))
        .toString();

const rangeShape = fc.record({
  bounds: fc.option(fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 8, max: 14 }))),
  gateway: fc.integer({ min: 1, max: 14 }),
  exclude: fc.uniqueArray(fc.integer({ min: 1, max: 14 }), { maxLength: 4 }),
});
const command = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant("add" as const) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("request" as const), range: fc.nat(2), n: fc.nat(15) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant("del" as const), nth: fc.nat(30) }) },
);

test.each([4, 6] as const)("IPv%i: gives what a list of all addresses would give", (family) => {
  fc.assert(
    fc.property(
      fc.array(rangeShape, { minLength: 1, maxLength: 3 }),
      fc.constantFrom<Order>("roundRobin", "lowestFree"),
      fc.array(command, { maxLength: 120 }),
      (shapes, order, commands) => {
        const configs = shapes.map(({ bounds, gateway, exclude }, i) => ({
          subnet: network(family, i),
          gateway: host(family, i, gateway),
          exclude: exclude.map((n) => host(family, i, n)),
          ...(bounds && { rangeStart: host(family, i, bounds[0]), rangeEnd: host(family, i, bounds[1]) }),
        }));
        const [set = []] = resolveSets([configs]);
        const all = new Set(enumerate(set));
        const memory = new Memory();
        for (const [i, step] of commands.entries()) {
          const owner = `c${i}`;
          const before = new Map(memory.holders);
          if (step.type === "del") {
            const held = [...memory.holders.keys()];
            const address = held[step.nth % Math.max(held.length, 1)];
            if (address !== undefined) memory.release(Address.parse(address));
            continue;
          }
          // The model: only a list can say which address would be next once the last one is no address to give.
          const last = memory.last.get(0)?.toString();
          if (order === "roundRobin" && last !== undefined && !all.has(last)) memory.last.delete(0);
          const wanted = step.type === "request" ? host(family, step.range, step.n) : undefined;
          const isFree = wanted === undefined || (all.has(wanted) && !before.has(wanted));
          const expected = wanted === undefined ? expectedNext(set, memory, order) : isFree ? wanted : undefined;
          const add = () => allocateText([set], memory, { owner, order, ...(wanted && { requested: [wanted] }) });
          if (expected === undefined) {
            expect(errorOf(add).message).toMatch(/^Cannot allocate /);
            expect(memory.holders).toEqual(before);
          } else {
            expect(add()[0]?.split("/")[0]).toBe(expected);
            expect(memory.holders).toEqual(before.set(expected, owner));
          }
          expect(hasFree(set, memory)).toBe([...all].some((address) => !memory.holders.has(address)));
        }
      },
    ),
    { numRuns: 150 },
  );
});
