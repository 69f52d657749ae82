import { existsSync, readdirSync } from "node:fs";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import type { AnyPlugin } from "../../../src/cni/plugin.ts";
import { emptyResult } from "../../../src/cni/result.ts";
import { type Response, runPlugin } from "../../../src/cni/run.ts";

/** A valid configuration of each plugin, with its result so far. */
const prevResult = {
  cniVersion: "1.0.0",
  interfaces: [
    { name: "cni0", mac: "02:00:00:00:00:01" },
    { name: "eth0", sandbox: "/run/netns/pod" },
  ],
  ips: [{ address: "10.1.0.2/24", gateway: "10.1.0.1", interface: 1 }],
};
const ipam = { type: "host-local", ranges: [[{ subnet: "10.1.0.0/24" }], [{ subnet: "fd00::/64" }]] };
const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: "tcp", hostIP: "192.0.2.1" }];
const bandwidth = { ingressRate: 1_000_000, ingressBurst: 1_000_000 };
const configs: Readonly<Record<string, object>> = {
  bandwidth: { prevResult, ...bandwidth },
  bridge: { bridge: "cni0", isGateway: true, ipMasq: true, vlan: 5, ipam, runtimeConfig: { portMappings, bandwidth } },
  firewall: { prevResult, ingressPolicy: "same-bridge" },
  "host-local": { ipam: { ...ipam, routes: [{ dst: "0.0.0.0/0" }] } },
  loopback: { prevResult },
  macvlan: { master: "eth1", mode: "bridge", mtu: 1400, ipam },
  portmap: { prevResult, snat: true, runtimeConfig: { portMappings } },
  static: { ipam: { type: "static", addresses: [{ address: "10.1.0.2/24", gateway: "10.1.0.1" }] } },
  tuning: { prevResult, sysctl: { "net.core.somaxconn": "500" }, mac: "02:00:00:00:00:09" },
  vxlan: { vni: 7, mode: "l3", network: "10.0.0.0/8", peers: [{ ip: "192.0.2.2", subnet: "10.2.0.0/24" }], ipam },
};

/** The plugin with verbs that do nothing: whatever it is given goes through all that judges it, and no further. */
async function load(name: string): Promise<AnyPlugin> {
  const { plugin } = (await import(`../../../cmd/${name}/main.ts`)) as { plugin: AnyPlugin };
  return { ...plugin, add: () => emptyResult(), del() {}, check() {}, gc() {}, status() {} };
}

const environment = {
  CNI_COMMAND: "ADD",
  CNI_CONTAINERID: "pod",
  CNI_NETNS: "/run/netns/pod",
  CNI_IFNAME: "eth0",
  CNI_PATH: "/opt/cni/bin",
};

function call(plugin: AnyPlugin, stdin: string | Buffer, env: Readonly<Record<string, string>> = {}): Response {
  return runPlugin(plugin, { env: { ...environment, ...env }, stdin: () => Buffer.from(stdin) });
}

/** Success, or one CNI error of which somebody thought: no text of the language's own. */
function expectAnswer({ status, stdout }: Response): void {
  if (status === 0) return;
  const { code, msg, cniVersion } = JSON.parse(stdout) as { code: number; msg: string; cniVersion: string };
  expect(typeof cniVersion).toBe("string");
  expect(code).toBeGreaterThan(0);
  expect(msg).not.toMatch(/^$|is not a function|is not iterable|Cannot read prop|Cannot convert|Maximum call stack/);
}

const words = ["../../etc", "", "a/b", "\0", "__proto__", "constructor", "\ud800", "x".repeat(300), "-1", "null"];
const values = [...words, 2 ** 53, -1, 1.5, Number.MAX_VALUE, null, true, [], {}, [[[]]], { __proto__: null, a: 1 }];

/** Somewhere in a JSON value, another value, or none. */
function mutate(value: unknown, path: readonly number[], change: unknown): unknown {
  const [step = 0, ...rest] = path;
  if (path.length === 0 || typeof value !== "object" || value === null) return change;
  const entries = Object.entries(value);
  if (entries.length === 0) return change;
  const chosen = step % entries.length;
  const changed = entries.map(([key, part], i) => [key, i === chosen ? mutate(part, rest, change) : part] as const);
  return Array.isArray(value) ? changed.map(([, part]) => part) : Object.fromEntries(changed);
}

describe.each(Object.keys(configs))("hostile input to %s", (name) => {
  let plugin: AnyPlugin;
  const config = { cniVersion: "1.0.0", name: "net", type: name, ...configs[name] };
  const verb = fc.constantFrom("ADD", "DEL", "CHECK", "GC", "STATUS");
  beforeAll(async () => {
    plugin = await load(name);
  });

  test("what the others are made of is taken", () => {
    expect(call(plugin, JSON.stringify(config))).toMatchObject({ status: 0 });
  });

  test("a value of another kind, anywhere", () => {
    const change = fc.oneof(fc.constantFrom(...values), fc.jsonValue({ maxDepth: 2 }));
    const run = (path: number[], value: unknown, CNI_COMMAND: string) =>
      expectAnswer(call(plugin, JSON.stringify(mutate(config, path, value)) ?? "", { CNI_COMMAND }));
    fc.assert(fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 5 }), change, verb, run), { numRuns: 300 });
  });

  test("bytes changed, cut off and put in", () => {
    const valid = Buffer.from(JSON.stringify(config));
    const run = (at: number, gone: number, bytes: Uint8Array, CNI_COMMAND: string) => {
      const start = at % valid.length;
      const stdin = Buffer.concat([valid.subarray(0, start), bytes, valid.subarray(start + gone)]);
      expectAnswer(call(plugin, stdin, { CNI_COMMAND }));
    };
    const property = fc.property(fc.nat(), fc.nat(3), fc.uint8Array({ maxLength: 3 }), verb, run);
    fc.assert(property, { numRuns: 300 });
  });

  test("variables", () => {
    const text = fc.oneof(fc.constantFrom(...words), fc.string({ unit: "binary" }));
    const variable = fc.constantFrom(
      "CNI_CONTAINERID",
      "CNI_NETNS",
      "CNI_IFNAME",
      "CNI_ARGS",
      "CNI_COMMAND",
      "CNI_PATH",
    );
    const run = (key: string, value: string) => expectAnswer(call(plugin, JSON.stringify(config), { [key]: value }));
    fc.assert(fc.property(variable, text, run), { numRuns: 200 });
  });

  test.each(["CNI_CONTAINERID", "CNI_IFNAME"])("%s cannot lead out of a directory", (variable) => {
    for (const value of ["..", "../x", "a/../../b", "/etc"]) {
      expect(call(plugin, JSON.stringify(config), { [variable]: value }).status).toBe(1);
    }
  });

  test("nor can the network's name", () => {
    for (const bad of ["..", "../x", "a/b", "", ".", "\0"]) {
      expect(call(plugin, JSON.stringify({ ...config, name: bad })).status).toBe(1);
    }
  });

  test("nothing reaches the prototype of all objects", () => {
    const text = `{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}, ${JSON.stringify(config).slice(1)}`;
    expectAnswer(call(plugin, text));
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test("10 MB, and a depth of 100,000", () => {
    const start = performance.now();
    expectAnswer(call(plugin, JSON.stringify({ ...config, dns: { domain: "x".repeat(10 << 20) } })));
    for (const [open, close] of [
      ["[", "]"],
      ['{"a":', "}"],
    ] as const) {
      const deep = `${open.repeat(100_000)}1${close.repeat(100_000)}`;
      expectAnswer(call(plugin, `{"deep": ${deep}, ${JSON.stringify(config).slice(1)}`));
    }
    expect(performance.now() - start).toBeLessThan(20_000);
  });
});

test("every plugin that takes a configuration is among them, or takes none to speak of", () => {
  const cmd = new URL("../../../cmd", import.meta.url).pathname;
  const plugins = readdirSync(cmd).filter((name) => existsSync(`${cmd}/${name}/schema.ts`));
  const simple = ["dummy", "host", "ipvlan", "none", "ptp", "tap", "vlan"];
  expect(plugins.filter((name) => !(name in configs) && !simple.includes(name))).toEqual([]);
});
