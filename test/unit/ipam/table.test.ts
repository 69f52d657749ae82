import fc from "fast-check";
import { expect, test } from "vitest";
import { bucketLength, keyLength, memoryStorage, Table, valueLength } from "../../../src/ipam/table.ts";

function bytes(length: number, start: number): Uint8Array {
  const filled = new Uint8Array(length);
  new DataView(filled.buffer).setUint32(0, start);
  return filled;
}

const key = (n: number) => bytes(keyLength, n);
const value = (n: number) => bytes(valueLength, n);
const newTable = (buckets: number) => new Table(memoryStorage(buckets * bucketLength), buckets);
const numberOf = (stored: Uint8Array) => new DataView(stored.buffer, stored.byteOffset).getUint32(0);

// Two buckets and up to 100 keys: buckets overflow, and deleted records lie in the way of searches.
const step = fc.record({
  action: fc.constantFrom("add", "add", "delete", "replace"),
  key: fc.nat(99),
  value: fc.nat(2),
});

test("is a map of lists, also where buckets overflow", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const table = newTable(2);
      const model = new Map<number, number[]>();
      for (const { action, key: k, value: v } of steps) {
        const values = model.get(k) ?? [];
        if (action === "add" && table.records < 120) {
          table.add(key(k), value(v));
          model.set(k, [...values, v]);
        } else if (action === "delete") {
          table.delete(key(k), value(v));
          const at = values.indexOf(v);
          if (at >= 0) model.set(k, values.toSpliced(at, 1));
        } else if (action === "replace" && values.includes(v)) {
          table.replace(key(k), value(v), value(v + 10));
          model.set(k, values.with(values.indexOf(v), v + 10));
        }
      }
      let records = 0;
      for (let k = 0; k < 100; k++) {
        const expected = model.get(k) ?? [];
        records += expected.length;
        expect(table.valuesOf(key(k)).map(numberOf).sort()).toEqual(expected.toSorted());
      }
      expect(table.records).toBe(records);
    }),
    { numRuns: 50 },
  );
});

test("room is used again, so that years of coming and going fill no table", () => {
  const table = newTable(2);
  for (let n = 0; n < 20_000; n++) {
    table.add(key(n), value(n));
    if (n >= 60) table.delete(key(n - 60), value(n - 60));
    expect(table.isCrowded).toBe(false);
  }
  expect(table.records).toBe(60);
});

test("a copy has everything", () => {
  const table = newTable(2);
  for (let n = 0; !table.isCrowded; n++) table.add(key(n), value(n));
  const copy = newTable(4);
  table.copyTo(copy);
  expect(copy.records).toBe(table.records);
  expect(copy.isCrowded).toBe(false);
  for (let n = 0; n < table.records; n++) expect(copy.valuesOf(key(n)).map(numberOf)).toEqual([n]);
});

test("a full table says so", () => {
  const table = newTable(1);
  for (let n = 0; n < 64; n++) table.add(key(n), value(n));
  expect(() => table.add(key(64), value(64))).toThrow("full");
});
