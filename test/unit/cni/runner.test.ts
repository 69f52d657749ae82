import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseNetworkList } from "../../../src/cni/netlist.ts";
import { queryVersions, readVersions, validateNetwork } from "../../../src/cni/probe.ts";
import {
  addNetwork,
  checkNetwork,
  collectNetwork,
  delNetwork,
  queryStatus,
  type Runner,
  type Target,
} from "../../../src/cni/runner.ts";
import { ScriptedPlugins, scratchDirectory } from "./plugins.ts";

let scratch: ReturnType<typeof scratchDirectory>;
let plugins: ScriptedPlugins;
let runner: Runner;
let warnings: string[];

const names = ["one", "two", "three"];
const address = (n: number, cniVersion = "1.1.0") => ({ cniVersion, ips: [{ address: `10.0.0.${n}/24` }] });

beforeEach(() => {
  scratch = scratchDirectory();
  plugins = new ScriptedPlugins(scratch.path);
  for (const [i, name] of names.entries()) plugins.install(name, { ADD: { stdout: JSON.stringify(address(i + 1)) } });
  warnings = [];
  runner = {
    path: ["/nonexistent", plugins.directory],
    cacheDir: join(scratch.path, "cache"),
    env: { PATH: process.env["PATH"], KEPT: "yes", CNI_IFNAME: "leaked", CNI_COMMAND: "LEAKED" },
    warn: (text) => warnings.push(text),
  };
});
afterEach(() => scratch[Symbol.dispose]());

function network(fields: object = {}, ...objects: object[]) {
  const entries = objects.length > 0 ? objects : names.map((type) => ({ type }));
  return parseNetworkList(
    Buffer.from(JSON.stringify({ cniVersion: "1.1.0", name: "net", plugins: entries, ...fields })),
  );
}
const target: Target = {
  containerID: "c1",
  netns: "/run/netns/x",
  ifname: "eth0",
  args: [
    ["IgnoreUnknown", "1"],
    ["IP", "10.0.0.9"],
  ],
  capabilityArgs: { mac: "02:00:00:00:00:01", ips: ["10.0.0.9"], other: true },
};
const stdins = () => plugins.calls.map(({ stdin }) => JSON.parse(stdin));
const cacheFiles = () => {
  const results = join(runner.cacheDir, "results");
  return existsSync(results) ? readdirSync(results) : [];
};
function cache(content: unknown, file = "net-c1-eth0"): void {
  mkdirSync(join(runner.cacheDir, "results"), { recursive: true });
  const text = typeof content === "string" ? content : JSON.stringify(content);
  writeFileSync(join(runner.cacheDir, "results", file), text);
}
const failure = (code: number, msg: string, details?: string) => ({
  stdout: JSON.stringify({ code, msg, details }),
  status: 1,
});

describe("ADD", () => {
  test("runs all in order, each with the result of the one before; the last one's is returned and cached", () => {
    expect(addNetwork(runner, network(), target)).toEqual(address(3));
    expect(plugins.sequence).toEqual(["one ADD", "two ADD", "three ADD"]);
    expect(stdins().map(({ prevResult }) => prevResult)).toEqual([undefined, address(1), address(2)]);
    expect(cacheFiles()).toEqual(["net-c1-eth0"]);
    expect(JSON.parse(readFileSync(join(runner.cacheDir, "results/net-c1-eth0"), "utf8"))).toEqual({
      kind: "cniCacheV1",
      containerId: "c1",
      config: Buffer.from(network().bytes).toString("base64"),
      ifName: "eth0",
      networkName: "net",
      netns: "/run/netns/x",
      cniArgs: target.args,
      capabilityArgs: target.capabilityArgs,
      result: address(3),
    });
  });

  test("environment: the runner's own, where ours win and all six are there", () => {
    addNetwork(runner, network({}, { type: "one" }), target);
    expect(plugins.calls[0]?.env).toMatchObject({
      PATH: process.env["PATH"],
      KEPT: "yes",
      CNI_COMMAND: "ADD",
      CNI_CONTAINERID: "c1",
      CNI_NETNS: "/run/netns/x",
      CNI_IFNAME: "eth0",
      CNI_ARGS: "IgnoreUnknown=1;IP=10.0.0.9",
      CNI_PATH: `/nonexistent:${plugins.directory}`,
    });
  });

  test("request: name and version are the list's, capabilities become runtimeConfig, own keys stay", () => {
    const object = {
      type: "one",
      Name: "own",
      cniversion: "0.1.0",
      capabilities: { mac: true, ips: false, absent: true },
      "cni.dev/own": 1,
      own: { Key: [1.5] },
    };
    addNetwork(runner, network({}, object, { type: "two", capabilities: { absent: true } }), target);
    expect(stdins()).toEqual([
      {
        name: "net",
        cniVersion: "1.1.0",
        type: "one",
        own: { Key: [1.5] },
        runtimeConfig: { mac: "02:00:00:00:00:01" },
      },
      { name: "net", cniVersion: "1.1.0", type: "two", prevResult: address(1) },
    ]);
  });

  test.each([
    ['{"ips":[{"address":"10.0.0.1/24"}]}', "1.1.0"],
    ['{"cniVersion":"","ips":[{"address":"10.0.0.1/24"}]}', "1.1.0"],
    ['{"cniVersion":"0.4.0","ips":[{"version":"4","address":"10.0.0.1/24"}]}', "0.4.0"],
  ])("a result %s has version %s, and is converted for the next plugin", (stdout, cniVersion) => {
    plugins.install("one", { ADD: { stdout } });
    expect(addNetwork(runner, network({}, { type: "one" }), target)["cniVersion"]).toBe(cniVersion);
    addNetwork(runner, network({}, { type: "one" }, { type: "two" }), target);
    expect(stdins().at(-1).prevResult).toEqual(address(1));
  });

  test.each([
    ["", /^plugin type="one" failed \(add\): failed to unmarshal raw result: .*JSON/],
    ["{", /failed to unmarshal raw result/],
    ['{"cniVersion":"0.5.0"}', /unsupported CNI result version "0.5.0"/],
  ])("a result of %j fails", (stdout, message) => {
    plugins.install("one", { ADD: { stdout } });
    expect(() => addNetwork(runner, network(), target)).toThrow(message);
    expect(plugins.sequence).toEqual(["one ADD"]);
  });

  test.each<[what: string, fields: object, change: Partial<Target>, code: number, text: string]>([
    ["container ID", {}, { containerID: "a/b" }, 4, "invalid characters in containerID; a/b"],
    ["container ID", {}, { containerID: "" }, 3, "missing containerID"],
    ["network name", { name: "a b" }, {}, 7, "invalid characters found in network name; a b"],
    ["ifname", {}, { ifname: "" }, 4, "interface name is empty"],
    [
      "ifname",
      {},
      { ifname: "a".repeat(16) },
      4,
      "interface name is too long; interface name should be less than 16 characters",
    ],
    ["ifname", {}, { ifname: "." }, 4, "interface name is . or .."],
    ["ifname", {}, { ifname: ".." }, 4, "interface name is . or .."],
    ["ifname", {}, { ifname: "a/b" }, 4, "interface name contains / or : or whitespace characters"],
    ["ifname", {}, { ifname: "a:b" }, 4, "interface name contains / or : or whitespace characters"],
    ["ifname", {}, { ifname: "a b" }, 4, "interface name contains / or : or whitespace characters"],
  ])("bad %s: nothing runs", (_what, fields, change, code, text) => {
    expect(() => addNetwork(runner, network(fields), { ...target, ...change })).toThrow(
      expect.objectContaining({ code, message: `plugin type="one" failed (add): ${text}` }),
    );
    expect(plugins.calls).toEqual([]);
    expect(cacheFiles()).toEqual([]);
  });

  test("the second plugin is missing, or fails: the third is not run, nothing is cached", () => {
    plugins.install("two", { ADD: failure(11, "later", "soon") });
    expect(() => addNetwork(runner, network(), target)).toThrow(
      expect.objectContaining({ code: 11, message: 'plugin type="two" failed (add): later; soon' }),
    );
    rmSync(join(plugins.directory, "two"));
    expect(() => addNetwork(runner, network(), target)).toThrow(
      `plugin type="two" failed (add): failed to find plugin "two" in path [/nonexistent ${plugins.directory}]`,
    );
    expect(plugins.sequence).toEqual(["one ADD", "two ADD", "one ADD"]);
    expect(cacheFiles()).toEqual([]);
  });

  test("a plugin's own name is told beside its type", () => {
    plugins.install("one", { ADD: failure(7, "bad") });
    expect(() => addNetwork(runner, network({}, { type: "one", name: "mine" }), target)).toThrow(
      'plugin type="one" name="mine" failed (add): bad',
    );
  });

  test("a cache that cannot be written fails it", () => {
    writeFileSync(runner.cacheDir, "");
    expect(() => addNetwork(runner, network(), target)).toThrow('failed to set network "net" cached result');
  });

  test("what plugins say is passed on", () => {
    plugins.install("one", { ADD: { stdout: "null", stderr: "careful\n" } });
    expect(addNetwork(runner, network({}, { type: "one" }), target)).toEqual({ cniVersion: "1.1.0" });
    expect(warnings).toEqual(["careful"]);
  });
});

describe("CHECK", () => {
  test("runs all in order with the final result", () => {
    addNetwork(runner, network(), target);
    checkNetwork(runner, network(), target);
    expect(plugins.sequence.slice(3)).toEqual(["one CHECK", "two CHECK", "three CHECK"]);
    expect(stdins().slice(3)).toMatchObject(Array(3).fill({ prevResult: address(3), name: "net" }));
  });

  test("without a cache there is no prevResult; with one of another version it is converted", () => {
    checkNetwork(runner, network({}, { type: "one" }), target);
    expect(stdins()[0]).not.toHaveProperty("prevResult");
    cache({ kind: "cniCacheV1", result: { cniVersion: "0.3.1", ips: [{ version: "4", address: "10.0.0.1/24" }] } });
    checkNetwork(runner, network({}, { type: "one" }), target);
    cache(address(1, "1.0.0")); // a bare result, as before libcni 0.8
    checkNetwork(runner, network({}, { type: "one" }), target);
    expect(
      stdins()
        .slice(1)
        .map(({ prevResult }) => prevResult),
    ).toEqual([address(1), address(1)]);
  });

  test("disableCheck runs nothing; before 0.4.0 it is refused, disabled or not", () => {
    checkNetwork(runner, network({ disableCheck: true }), target);
    for (const disableCheck of [true, false]) {
      expect(() => checkNetwork(runner, network({ cniVersion: "0.3.1", disableCheck }), target)).toThrow(
        'configuration version "0.3.1" does not support the CHECK command',
      );
    }
    expect(plugins.calls).toEqual([]);
  });

  test("stops at the first error, which comes as it is", () => {
    plugins.install("two", { CHECK: failure(100, "gone") });
    expect(() => checkNetwork(runner, network(), target)).toThrow(
      expect.objectContaining({ code: 100, message: "gone" }),
    );
    expect(plugins.sequence).toEqual(["one CHECK", "two CHECK"]);
  });

  test.each(["junk", "", { kind: "cniCacheV1", result: { cniVersion: "0.5.0" } }])("cache %j fails it", (content) => {
    cache(content);
    expect(() => checkNetwork(runner, network(), target)).toThrow('failed to get network "net" cached result');
    expect(plugins.calls).toEqual([]);
  });
});

describe("DEL", () => {
  test("runs all in reverse order with the final result, then forgets; as often as one likes", () => {
    addNetwork(runner, network(), target);
    delNetwork(runner, network(), target);
    expect(plugins.sequence.slice(3)).toEqual(["three DEL", "two DEL", "one DEL"]);
    expect(stdins().slice(3)).toMatchObject(Array(3).fill({ prevResult: address(3) }));
    expect(cacheFiles()).toEqual([]);
    delNetwork(runner, network(), { ...target, netns: "" });
    expect(stdins().at(-1)).not.toHaveProperty("prevResult");
    expect(plugins.calls.at(-1)?.env).toMatchObject({ CNI_NETNS: "", CNI_CONTAINERID: "c1" });
  });

  test("before 0.4.0 there is no prevResult", () => {
    const old = network({ cniVersion: "0.3.1" });
    addNetwork(runner, old, target);
    delNetwork(runner, old, target);
    expect(
      stdins()
        .slice(3)
        .every((request) => !("prevResult" in request)),
    ).toBe(true);
    expect(cacheFiles()).toEqual([]);
  });

  test.each(["junk", "", { kind: "cniCacheV1", result: { cniVersion: "0.5.0" } }])(
    "cache %j is done without",
    (content) => {
      cache(content);
      delNetwork(runner, network(), target);
      expect(plugins.sequence).toEqual(["three DEL", "two DEL", "one DEL"]);
      expect(warnings).toEqual([expect.stringContaining("Going on without the cached result")]);
      expect(cacheFiles()).toEqual([]);
    },
  );

  test("an error stops it and keeps the cache", () => {
    addNetwork(runner, network(), target);
    plugins.install("two", { DEL: failure(999, "stuck") });
    expect(() => delNetwork(runner, network(), target)).toThrow('plugin type="two" failed (delete): stuck');
    expect(plugins.sequence.slice(3)).toEqual(["three DEL", "two DEL"]);
    expect(cacheFiles()).toEqual(["net-c1-eth0"]);
    expect(() => delNetwork(runner, network({}, { type: "nope" }), target)).toThrow("failed to find plugin");
  });
});

describe("GC", () => {
  const key = { containerID: "c1", ifname: "eth0" };

  test("leaves valid attachments, and sends them to every plugin under both names", () => {
    addNetwork(runner, network(), target);
    collectNetwork(runner, network(), [key]);
    expect(plugins.sequence.slice(3)).toEqual(["one GC", "two GC", "three GC"]);
    expect(stdins()[3]).toEqual({
      name: "net",
      cniVersion: "1.1.0",
      type: "one",
      "cni.dev/valid-attachments": [key],
      "cni.dev/attachments": [key],
    });
    expect(plugins.calls[3]?.env).toMatchObject({ CNI_CONTAINERID: "", CNI_NETNS: "", CNI_IFNAME: "", CNI_ARGS: "" });
    expect(cacheFiles()).toEqual(["net-c1-eth0"]);
  });

  test("deletes the others first, with what they were added with", () => {
    addNetwork(runner, network(), target);
    addNetwork(runner, network(), { ...target, ifname: "eth1" });
    addNetwork(runner, network({ name: "net2" }), target);
    collectNetwork(runner, network({}, { type: "one", capabilities: { mac: true } }), [{ ...key, ifname: "eth1" }]);
    expect(plugins.sequence.slice(9)).toEqual(["one DEL", "one GC"]);
    expect(plugins.calls[9]?.env).toMatchObject({
      CNI_CONTAINERID: "c1",
      CNI_IFNAME: "eth0",
      CNI_NETNS: "/run/netns/x",
      CNI_ARGS: "IgnoreUnknown=1;IP=10.0.0.9",
    });
    expect(stdins()[9]).toMatchObject({ prevResult: address(3), runtimeConfig: { mac: "02:00:00:00:00:01" } });
    expect(cacheFiles()).toEqual(["net-c1-eth1", "net2-c1-eth0"]);
  });

  test("goes on after errors, and tells all", () => {
    addNetwork(runner, network(), target);
    plugins.install("three", { DEL: failure(1, "stuck"), GC: failure(2, "no", "really") });
    expect(() => collectNetwork(runner, network(), [])).toThrow(
      'failed to delete stale attachment c1 eth0: plugin type="three" failed (delete): stuck\n' +
        "failed to GC plugin three: no; really",
    );
    expect(plugins.sequence.slice(3)).toEqual(["three DEL", "one GC", "two GC", "three GC"]);
  });

  test("before 1.1.0 there are the DELs only; disableGC does nothing", () => {
    addNetwork(runner, network({ cniVersion: "1.0.0" }), target);
    collectNetwork(runner, network({ cniVersion: "1.0.0", disableGC: "true" }), []);
    expect(plugins.calls).toHaveLength(3);
    collectNetwork(runner, network({ cniVersion: "1.0.0" }), []);
    expect(plugins.sequence.slice(3)).toEqual(["three DEL", "two DEL", "one DEL"]);
  });
});

describe("STATUS", () => {
  test("asks in order until one says no; its code survives", () => {
    queryStatus(runner, network());
    expect(stdins()[0]).toEqual({ name: "net", cniVersion: "1.1.0", type: "one" });
    plugins.install("two", { STATUS: failure(50, "pool is empty") });
    expect(() => queryStatus(runner, network())).toThrow(
      expect.objectContaining({ code: 50, message: "pool is empty" }),
    );
    expect(plugins.sequence).toEqual(["one STATUS", "two STATUS", "three STATUS", "one STATUS", "two STATUS"]);
  });

  test("before 1.1.0 all is well", () => {
    queryStatus(runner, network({ cniVersion: "1.0.0" }, { type: "nope" }));
    expect(plugins.calls).toEqual([]);
  });
});

describe("VERSION", () => {
  test.each([
    ['{"cniVersion":"1.1.0","supportedVersions":["0.4.0","1.0.0"]}', ["0.4.0", "1.0.0"]],
    ['{"cniVersion":"0.2.0"}', ["0.1.0", "0.2.0"]],
    ['{"cniVersion":"0.2.0","supportedVersions":[]}', ["0.1.0", "0.2.0"]],
  ])("%s", (stdout, versions) => expect(readVersions(stdout)).toEqual(versions));

  test.each([
    ["nope", /^decoding version info: ./],
    ["[]", "decoding version info: not an object"],
    ["{}", "decoding version info: missing field cniVersion"],
    ['{"cniVersion":"","supportedVersions":["1.0.0"]}', "decoding version info: missing field cniVersion"],
    ['{"cniVersion":"1.0.0"}', "decoding version info: missing field supportedVersions"],
    ['{"cniVersion":"1.0.0","supportedVersions":"1.0.0"}', /not an array of strings/],
  ])("%s is refused", (stdout, message) => expect(() => readVersions(stdout)).toThrow(message));

  test("is asked with dummies, which plugins from before it want", () => {
    expect(queryVersions(runner, "one")).toEqual(["0.3.1", "0.4.0", "1.0.0", "1.1.0"]);
    expect(plugins.calls[0]?.env).toMatchObject({
      CNI_COMMAND: "VERSION",
      CNI_CONTAINERID: "",
      CNI_NETNS: "dummy",
      CNI_IFNAME: "dummy",
      CNI_PATH: "dummy",
    });
    plugins.install("old", { VERSION: failure(4, "unknown CNI_COMMAND: VERSION") });
    expect(queryVersions(runner, "old")).toEqual(["0.1.0"]);
    plugins.install("old", { VERSION: failure(4, "unknown CNI_COMMAND: X") });
    expect(() => queryVersions(runner, "old")).toThrow("unknown CNI_COMMAND: X");
    expect(() => queryVersions(runner, "nope")).toThrow("failed to find plugin");
  });
});

describe("validation", () => {
  test("gives the capabilities, each once", () => {
    const objects = [
      { type: "one", capabilities: { mac: true, ips: false } },
      { type: "two", capabilities: { mac: true, portMappings: true } },
    ];
    expect(validateNetwork(runner, network({}, ...objects))).toEqual(["mac", "portMappings"]);
  });

  test("tells all that is wrong", () => {
    expect(() => validateNetwork(runner, network({ cniVersion: "0.3.0" }, { type: "one" }, { type: "nope" }))).toThrow(
      '[plugin one does not support config version "0.3.0" failed to find plugin "nope" in path ' +
        `[/nonexistent ${plugins.directory}]]`,
    );
    expect(() => validateNetwork(runner, network({ cniVersion: "" }))).toThrow(
      'plugin one does not support config version "0.1.0"',
    );
  });
});

test.each([
  ["ADD", addNetwork, 'plugin type="sleep" failed (add): netplugin failed with no error message: signal: killed'],
  ["DEL", delNetwork, 'plugin type="sleep" failed (delete): netplugin failed with no error message: signal: killed'],
  ["CHECK", checkNetwork, "netplugin failed with no error message: signal: killed"],
  ["STATUS", queryStatus, "netplugin failed with no error message: signal: killed"],
  ["VERSION", validateNetwork, "[netplugin failed with no error message: signal: killed"],
] as const)("%s of a plugin that hangs ends at the deadline", (verb, call, message) => {
  plugins.install("sleep", { [verb]: { script: "exec sleep 60" } });
  const list = network({}, { type: "sleep" }, { type: "one" });
  const impatient = { ...runner, deadline: performance.now() + 500 };
  const start = performance.now();
  expect(() => call(impatient, list, target)).toThrow(message);
  expect(performance.now() - start).toBeLessThan(5000);
});
