import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockFile, shareFile, tryLockFile } from "../../../src/linux/lock.ts";

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "lock-"));
  path = join(directory, "lock");
});
afterEach(() => rmSync(directory, { recursive: true }));

test("one holds it at a time, until the end of its scope", () => {
  {
    using _held = lockFile(path);
    expect(tryLockFile(path)).toBeUndefined();
  }
  using again = tryLockFile(path);
  expect(again).toBeDefined();
});

test("many may share it, and keep out whoever wants it alone", () => {
  using _one = shareFile(path);
  {
    using _other = shareFile(path);
    expect(tryLockFile(path)).toBeUndefined();
  }
  expect(tryLockFile(path)).toBeUndefined();
});

test("the lock of a file that was removed keeps nobody out of the one in its place", () => {
  using _old = lockFile(path);
  rmSync(path);
  using fresh = tryLockFile(path);
  expect(fresh).toBeDefined();
});

test("a symbolic link in its place is not followed", () => {
  symlinkSync("/etc/passwd", path);
  expect(() => lockFile(path)).toThrow(/ELOOP/);
});

test("a directory that is not there is the error of node:fs", () => {
  expect(() => lockFile(join(directory, "no", "lock"))).toThrow(/ENOENT/);
});
