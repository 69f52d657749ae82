import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import type { AnyPlugin } from "../../../src/cni/plugin.ts";
import { emptyResult } from "../../../src/cni/result.ts";
import { type Response, runPlugin } from "../../../src/cni/run.ts";
import { judge } from "../../hostile/answer.ts";
import { configOf, isChained, pluginNames, prevResult } from "../../hostile/configs.ts";
import { applyCut, cut, path, replaceAt, value, variables, variableValue } from "../../hostile/mutations.ts";

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

function call(plugin: AnyPlugin, stdin: string | Uint8Array, env: Readonly<Record<string, string>> = {}): Response {
  return runPlugin(plugin, { env: { ...environment, ...env }, stdin: () => Buffer.from(stdin) });
}

function expectAnswer(response: Response): void {
  expect(judge(response)).toBeUndefined();
}

describe.each(pluginNames)("hostile input to %s", (name) => {
  let plugin: AnyPlugin;
  const config = { ...configOf(name, "/run/state"), ...(isChained(name) && { prevResult }) };
  const verb = fc.constantFrom("ADD", "DEL", "CHECK", "GC", "STATUS");
  beforeAll(async () => {
    plugin = await load(name);
  });

  test("what the others are made of is taken", () => {
    expect(call(plugin, JSON.stringify(config))).toMatchObject({ status: 0 });
  });

  test("a value of another kind, anywhere", () => {
    const run = (at: number[], by: unknown, CNI_COMMAND: string) =>
      expectAnswer(call(plugin, JSON.stringify(replaceAt(config, at, by)) ?? "", { CNI_COMMAND }));
    fc.assert(fc.property(path, value, verb, run), { numRuns: 300 });
  });

  test("bytes changed, cut off and put in", () => {
    const valid = Buffer.from(JSON.stringify(config));
    const run = (change: Parameters<typeof applyCut>[1], CNI_COMMAND: string) =>
      expectAnswer(call(plugin, applyCut(valid, change), { CNI_COMMAND }));
    fc.assert(fc.property(cut, verb, run), { numRuns: 300 });
  });

  test("variables", () => {
    const run = (key: string, text: string) => {
      // Without a verb, a plugin tells people what it is.
      if (key === "CNI_COMMAND" && text === "") return;
      expectAnswer(call(plugin, JSON.stringify(config), { [key]: text }));
    };
    fc.assert(fc.property(fc.constantFrom(...variables), variableValue, run), { numRuns: 200 });
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
    expectAnswer(call(plugin, JSON.stringify({ ...config, dns: { domain: "x".repeat(10 << 20) } })));
    for (const [open, close] of [
      ["[", "]"],
      ['{"a":', "}"],
    ] as const) {
      const deep = `${open.repeat(100_000)}1${close.repeat(100_000)}`;
      expectAnswer(call(plugin, `{"deep": ${deep}, ${JSON.stringify(config).slice(1)}`));
    }
  });

  test("lists of 20,000 entries take no time that grows with their square", () => {
    const lists = listsIn(config);
    for (const [at, [entry]] of lists) {
      const long = Array.from({ length: 20_000 }, (_, i) => numbered(entry, i));
      expectAnswer(call(plugin, JSON.stringify(replaceAt(config, at, long))));
    }
  }, 60_000);
});

/** Every list of a configuration with the way to it. */
function listsIn(whole: unknown, at: readonly number[] = []): [readonly number[], readonly unknown[]][] {
  if (typeof whole !== "object" || whole === null) return [];
  const below = Object.values(whole).flatMap((part, i) => listsIn(part, [...at, i]));
  return Array.isArray(whole) ? [[at, whole], ...below] : below;
}

/** Like the entry, with addresses, subnets, ports and MACs of its own as far as numbers go. */
function numbered(entry: unknown, i: number): unknown {
  const [high, low] = [Math.floor(i / 256) % 256, i % 256];
  const hex = (n: number) => n.toString(16).padStart(2, "0");
  const text = JSON.stringify(entry)
    .replaceAll(/"(\d+)\.\d+\.\d+\.\d+\/\d+"/g, `"$1.${high}.${low}.0/24"`)
    .replaceAll(/"(\d+)\.\d+\.\d+\.\d+"/g, `"$1.${high}.${low}.1"`)
    .replaceAll(/"fd01:[^"]*\/\d+"/g, `"fd01:${i.toString(16)}::/64"`)
    .replaceAll(/"02(:[0-9a-f]{2}){5}"/g, `"02:00:00:00:${hex(high)}:${hex(low)}"`)
    .replaceAll(/"hostPort":\d+/g, `"hostPort":${i + 1}`);
  return JSON.parse(text);
}
