import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Address } from "../../../src/ip/address.ts";
import { recallAddress, rememberAddress } from "../../../src/ipam/sticky.ts";

let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "berth-sticky-"));
});

afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const recall = (key: string) => recallAddress(dataDir, "net", key)?.toString();
const remember = (key: string, address: string) => rememberAddress(dataDir, "net", key, Address.parse(address));

test("recalls the latest address of each key", () => {
  expect(recall("web")).toBeUndefined();
  remember("web", "10.1.0.2");
  remember("db", "fd00::2");
  expect([recall("web"), recall("db"), recall("we")]).toEqual(["10.1.0.2", "fd00::2", undefined]);
  remember("web", "fd00::3");
  expect(recall("web")).toBe("fd00::3");
});

test("remembers the most recent of any number, in a file that does not grow", () => {
  const size = () => statSync(join(dataDir, ".net.sticky")).size;
  remember("first", "10.1.0.2");
  const before = size();
  for (let n = 0; n < 5000; n++) remember(`key-${n}`, Address.parse("10.0.0.0").plus(BigInt(n)).toString());
  expect(size()).toBe(before);
  for (let n = 0; n < 5000; n += 7)
    expect(recall(`key-${n}`)).toBe(Address.parse("10.0.0.0").plus(BigInt(n)).toString());
});

test("a file that is damaged, or cannot be, is nothing remembered", () => {
  writeFileSync(join(dataDir, ".net.sticky"), "x");
  expect(recall("web")).toBeUndefined();
  remember("web", "10.1.0.2");
  expect(recall("web")).toBe("10.1.0.2");
  rmSync(join(dataDir, ".net.sticky"));
  mkdirSync(join(dataDir, ".net.sticky"));
  remember("web", "10.1.0.3");
  expect(recall("web")).toBeUndefined();
});
