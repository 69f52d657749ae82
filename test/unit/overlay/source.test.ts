import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Address } from "../../../src/ip/address.ts";
import { configuredPeers, filePeers, mergeSources } from "../../../src/overlay/source.ts";

const local = Address.parse("10.0.0.1");
let file: string;
beforeEach(() => {
  file = join(mkdtempSync(join(tmpdir(), "peers-")), "peers.json");
});
afterEach(() => rmSync(join(file, ".."), { recursive: true }));

test("a file may list all hosts, this one among them", () => {
  writeFileSync(file, '[{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}]');
  expect(
    filePeers(file)
      .read(local)
      .map(({ ip }) => String(ip)),
  ).toEqual(["10.0.0.2"]);
});

test("a file may have the list as peers, and is read anew each time", () => {
  writeFileSync(file, '{"peers": [{"ip": "10.0.0.2"}]}');
  const source = filePeers(file);
  expect(source.read(local)).toHaveLength(1);
  writeFileSync(file, "[]");
  expect(source.read(local)).toHaveLength(0);
});

test.each([["{"], ["7"], ['{"hosts": []}']])("a file with %s is refused", (content) => {
  writeFileSync(file, content);
  expect(() => filePeers(file).read(local)).toThrow("list of peers");
});

test("a file that is not there is an error that names it", () => {
  expect(() => filePeers(file).read(local)).toThrow(
    expect.objectContaining({ code: 5, details: expect.stringContaining(file) }),
  );
});

test("the configuration's peers and the file's are one list, which must not contradict itself", () => {
  writeFileSync(file, '[{"ip": "10.0.0.2"}]');
  const merged = (list: unknown) => mergeSources(configuredPeers(list), filePeers(file)).read(local);
  expect(merged([{ ip: "10.0.0.3" }]).map(({ path }) => path)).toEqual(["peers[0]", `${file}[0]`]);
  expect(() => merged([{ ip: "10.0.0.2" }])).toThrow("is not allowed");
});
