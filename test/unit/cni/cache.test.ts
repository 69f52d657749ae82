import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type CachedAttachment, listCache, readCache, removeCache, writeCache } from "../../../src/cni/cache.ts";
import { scratchDirectory } from "./plugins.ts";

let scratch: ReturnType<typeof scratchDirectory>;
let directory: string;
beforeEach(() => {
  scratch = scratchDirectory();
  directory = join(scratch.path, "cni");
});
afterEach(() => scratch[Symbol.dispose]());

const attachment: CachedAttachment = {
  network: "net",
  containerID: "c1",
  ifname: "eth0",
  config: Buffer.from('{"name":"net"}'),
  netns: "/run/netns/x",
  args: [
    ["IgnoreUnknown", "1"],
    ["IP", "10.0.0.1"],
  ],
  capabilityArgs: { mac: "02:00:00:00:00:01" },
  result: { cniVersion: "1.0.0", ips: [{ address: "10.0.0.1/24" }] },
};
const file = (name: string) => join(directory, "results", name);

test("libcni's format, one line, for nobody else to read", () => {
  writeCache(directory, attachment);
  expect(readFileSync(file("net-c1-eth0"), "utf8")).toBe(
    '{"kind":"cniCacheV1","containerId":"c1","config":"eyJuYW1lIjoibmV0In0=","ifName":"eth0","networkName":"net",' +
      '"netns":"/run/netns/x","cniArgs":[["IgnoreUnknown","1"],["IP","10.0.0.1"]],' +
      '"capabilityArgs":{"mac":"02:00:00:00:00:01"},"result":{"cniVersion":"1.0.0","ips":[{"address":"10.0.0.1/24"}]}}',
  );
  expect(statSync(file("net-c1-eth0")).mode & 0o777).toBe(0o600);
  expect(statSync(join(directory, "results")).mode & 0o777).toBe(0o700);
  expect(readdirSync(join(directory, "results"))).toEqual(["net-c1-eth0"]);
});

test("what is written is read, each interface for itself", () => {
  const second = { ...attachment, ifname: "eth1", netns: "", args: [], capabilityArgs: {} };
  writeCache(directory, attachment);
  writeCache(directory, second);
  expect(readCache(directory, "net", attachment)).toEqual(attachment);
  expect(readCache(directory, "net", second)).toEqual(second);
  expect(readFileSync(file("net-c1-eth1"), "utf8")).not.toMatch(/netns|cniArgs|capabilityArgs/);
  expect(listCache(directory).map(({ ifname }) => ifname)).toEqual(["eth0", "eth1"]);
  removeCache(directory, "net", attachment);
  removeCache(directory, "net", attachment);
  expect(readCache(directory, "net", attachment)).toBeUndefined();
  expect(listCache(directory)).toEqual([second]);
});

test("an overwritten attachment is whole or the old one", () => {
  writeCache(directory, attachment);
  expect(() => writeCache(directory, { ...attachment, result: 1n })).toThrow("failed to set network");
  expect(readCache(directory, "net", attachment)).toEqual(attachment);
  expect(readdirSync(join(directory, "results"))).toEqual(["net-c1-eth0"]);
});

test("before libcni 0.8 the file was the bare result", () => {
  mkdirSync(join(directory, "results"), { recursive: true });
  const bare = { cniVersion: "0.3.1", ips: [] };
  writeFileSync(file("net-c1-eth0"), JSON.stringify(bare));
  expect(readCache(directory, "net", attachment)).toMatchObject({ result: bare, args: [], netns: "" });
  expect(listCache(directory)).toEqual([]);
});

test.each(["", "junk", "{"])("%j in the cache", (content) => {
  mkdirSync(join(directory, "results"), { recursive: true });
  writeFileSync(file("net-c1-eth0"), content);
  expect(() => readCache(directory, "net", attachment)).toThrow(
    expect.objectContaining({ code: 6, message: 'failed to get network "net" cached result' }),
  );
  expect(listCache(directory)).toEqual([]);
});

test("what is no attachment is not listed", () => {
  expect(listCache(directory)).toEqual([]);
  writeCache(directory, attachment);
  mkdirSync(file("directory"));
  for (const [name, content] of Object.entries({
    a: '{"kind":"cniCacheV2","networkName":"net","ifName":"eth0"}',
    b: '{"kind":"cniCacheV1","networkName":"net"}',
    c: '{"kind":"cniCacheV1","ifName":"eth0"}',
    d: "[]",
    "e.1.tmp": "",
  })) {
    writeFileSync(file(name), content);
  }
  expect(listCache(directory)).toEqual([attachment]);
});

test.each([
  ["", "c1", "eth0"],
  ["net", "", "eth0"],
  ["net", "c1", ""],
  ["net", "../../c1", "eth0"],
])("no file for %j %j %j", (network, containerID, ifname) => {
  const message =
    `cache file path requires network name ("${network}"), container ID ("${containerID}"), ` +
    `and interface name ("${ifname}")`;
  expect(() => writeCache(directory, { ...attachment, network, containerID, ifname })).toThrow(message);
  expect(() => readCache(directory, network, { containerID, ifname })).toThrow(message);
});

test("a directory that cannot be written", () => {
  writeFileSync(join(scratch.path, "cni"), "a file");
  expect(() => writeCache(directory, attachment)).toThrow(
    expect.objectContaining({ code: 5, message: 'failed to set network "net" cached result' }),
  );
});
