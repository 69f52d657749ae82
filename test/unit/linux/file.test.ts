import { spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { maxFileLength, readRegularFile, writeNewFile } from "../../../src/linux/file.ts";

let directory: string;
const inside = (name: string) => join(directory, name);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "file-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

test("a file is read whole, also through a link", () => {
  writeFileSync(inside("file"), "content");
  symlinkSync("file", inside("link"));
  expect(readRegularFile(inside("link")).toString()).toBe("content");
});

test("what is no regular file is refused, and nobody is waited for", () => {
  spawnSync("mkfifo", [inside("fifo")]);
  mkdirSync(inside("directory"));
  for (const path of [inside("fifo"), inside("directory"), "/dev/zero"]) {
    expect(() => readRegularFile(path)).toThrow(`Cannot read ${path}: not a regular file`);
  }
});

test("nor a file that is larger than any of ours", () => {
  writeFileSync(inside("file"), "");
  truncateSync(inside("file"), maxFileLength + 1);
  expect(() => readRegularFile(inside("file"))).toThrow(/more than 67108864 bytes/);
});

test("a new file is nobody else's: a link in its place is not followed", () => {
  writeFileSync(inside("victim"), "as it was");
  symlinkSync("victim", inside("file"));
  writeNewFile(inside("file"), "new");
  expect(readFileSync(inside("victim"), "utf8")).toBe("as it was");
  expect(readFileSync(inside("file"), "utf8")).toBe("new");
  expect(statSync(inside("file")).mode & 0o777).toBe(0o600);
});
