import fc from "fast-check";
import { expect, test } from "vitest";
import { Address, type Family } from "../../../src/ip/address.ts";
import { addToTree, nextOutsideTree, removeFromTree } from "../../../src/ipam/addresstree.ts";
import { bucketLength, memoryStorage, Table } from "../../../src/ipam/table.ts";

const newTable = (buckets = 64) => new Table(memoryStorage(buckets * bucketLength), buckets);

function nextOutside(set: ReadonlySet<bigint>, from: bigint, last: bigint): bigint | undefined {
  for (let value = from; value <= last; value++) if (!set.has(value)) return value;
  return undefined;
}

// Around borders of nodes and of the family, since that is where a tree goes wrong.
const bases: [family: Family, base: bigint][] = [
  [4, 0x0a00_0000n - 300n],
  [4, 0xffff_ffffn - 800n],
  [4, 0n],
  [6, (0xfd00n << 112n) - 300n],
  [6, (1n << 128n) - 801n],
  [6, (0xfd00n << 112n) + (1n << 64n) - 400n],
];

test.each(bases)("IPv%i from %d: as a set", (family, base) => {
  const last = (1n << (family === 4 ? 32n : 128n)) - 1n;
  const offset = fc.nat(800).map(BigInt);
  const run = fc.tuple(fc.boolean(), offset, fc.nat(600).map(BigInt));
  fc.assert(
    fc.property(
      fc.array(run, { maxLength: 12 }),
      fc.array(offset, { minLength: 1, maxLength: 10 }),
      (runs, queries) => {
        const table = newTable();
        const model = new Set<bigint>();
        for (const [adds, start, length] of runs) {
          for (let value = base + start; value <= base + start + length && value <= last; value++) {
            if (adds === model.has(value)) continue;
            (adds ? addToTree : removeFromTree)(table, new Address(family, value));
            if (adds) model.add(value);
            else model.delete(value);
          }
        }
        for (const query of queries) {
          if (base + query > last) continue;
          const found = nextOutsideTree(table, new Address(family, base + query));
          expect(found?.value).toBe(nextOutside(model, base + query, last));
        }
        for (const value of model) removeFromTree(table, new Address(family, value));
        expect(table.records).toBe(0);
      },
    ),
    { numRuns: 30 },
  );
});

test("the one free address among 50,000 is found by reading a handful of nodes", () => {
  const storage = memoryStorage(256 * bucketLength);
  let reads = 0;
  const read = (position: number, length: number) => {
    reads++;
    return storage.read(position, length);
  };
  const table = new Table({ ...storage, read }, 256);
  const first = Address.parse("10.0.0.0");
  const hole = first.plus(49_999n);
  for (let i = 0n; i < 50_000n; i++) addToTree(table, first.plus(i));
  removeFromTree(table, hole);
  reads = 0;
  expect(nextOutsideTree(table, first)?.toString()).toBe(hole.toString());
  expect(reads).toBeLessThan(16);
});
