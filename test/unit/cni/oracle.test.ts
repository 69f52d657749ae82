import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { convertResult } from "../../../src/cni/convert.ts";
import type { AnyPlugin } from "../../../src/cni/plugin.ts";
import { emptyResult } from "../../../src/cni/result.ts";
import { runPlugin } from "../../../src/cni/run.ts";
import { type Version, versions } from "../../../src/cni/version.ts";

/** A plugin of the Go suite (Debian's containernetworking-plugins), which needs neither root nor a namespace. */
const oracle = "/usr/lib/cni/static";
const missing = !existsSync(oracle);
if (missing) console.warn(`Not compared with the Go suite: ${oracle} is not installed`);

function go(env: Record<string, string>, stdin: string) {
  const { status, stdout } = spawnSync(oracle, [], { env, input: stdin, encoding: "utf8" });
  return { status, stdout };
}

/** Debian's build is of CNI 1.0. */
const known = versions.filter((version) => version !== "1.1.0");
const plugin: AnyPlugin = {
  name: "static",
  versions: known,
  configure: () => ({}),
  add: emptyResult,
  del() {},
  check() {},
  gc() {},
  status() {},
};
const env = { CNI_COMMAND: "ADD", CNI_CONTAINERID: "c", CNI_NETNS: "/x", CNI_IFNAME: "eth0", CNI_PATH: "/x" };
const addresses = [
  { address: "::ffff:10.1.0.3/120", gateway: "10.1.0.1" },
  { address: "FD00::0002/64", gateway: "fd00::1" },
];
const ipam = {
  type: "static",
  addresses,
  routes: [{ dst: "0.0.0.0/0", gw: "10.1.0.9" }, { dst: "2001:db8::/32" }],
  dns: { nameservers: ["1.1.1.1"], domain: "local", search: ["a"], options: ["b"] },
};
const config = (cniVersion: string) => JSON.stringify({ cniVersion, name: "net", ipam });

describe.skipIf(missing)("what the Go suite answers to bad input, we answer", () => {
  const good = config("1.0.0");
  const variables: [string, Record<string, string>][] = [
    ["good", {}],
    ...Object.keys(env).flatMap((name): [string, Record<string, string>][] => [[`no ${name}`, { [name]: "" }]]),
    ["several missing", { CNI_NETNS: "", CNI_PATH: "", CNI_CONTAINERID: "" }],
    ["unknown command", { CNI_COMMAND: "NOPE" }],
    ["lower case", { CNI_COMMAND: "add" }],
    ["bad ID", { CNI_CONTAINERID: "a b" }],
    ...[".", "..", "a/b", "a:b", "a b", "a\u{85}", "ä".repeat(8), "a".repeat(16), "a\u{feff}", "..."].map(
      (name): [string, Record<string, string>] => [`ifname ${JSON.stringify(name)}`, { CNI_IFNAME: name }],
    ),
  ];
  const inputs: [string, string][] = [
    ["good", good],
    ["empty", ""],
    ["junk", "junk"],
    ["two documents", "{}{}"],
    ["null", "null"],
    ["list", "[]"],
    ["no name", "{}"],
    ["name null", '{"name":null}'],
    ["name 5", '{"name":5}'],
    ["bad name", '{"name":"a/b"}'],
    ["last name wins", '{"name":"a","NAME":"b/c"}'],
    ["last name wins, other way", '{"NAME":"b/c","name":"a","cniVersion":"9"}'],
    ["null name does not", '{"name":"b/c","NAME":null}'],
    ...["0.5.0", "9.9.9", "1.0", "junk", "0.3.1"].map((version): [string, string] => [version, config(version)]),
  ];
  const commands = ["ADD", "CHECK", "VERSION"];
  const cases = [
    ...variables.map(([what, given]) => [`${what}`, { ...env, ...given }, good] as const),
    ...commands.flatMap((CNI_COMMAND) =>
      inputs.map(([what, stdin]) => [`${CNI_COMMAND}: ${what}`, { ...env, CNI_COMMAND }, stdin] as const),
    ),
  ];

  test.each(cases)("%s", (_what, given, stdin) => {
    const theirs = go(given, stdin);
    const ours = runPlugin(plugin, { env: given, stdin: () => Buffer.from(stdin) });
    const parse = (text: string) => (text === "" ? {} : JSON.parse(text));
    const [expected, actual] = [parse(theirs.stdout), parse(ours.stdout)];
    // What is right input to the kit is the plugin's own affair.
    if (expected.code === 999 || theirs.status === 0) {
      expect(actual.code).toBeUndefined();
      return;
    }
    expect(ours.status).toBe(theirs.status);
    expect(actual.code).toBe(expected.code);
    // The text of a JSON error is the parser's own.
    expect(actual.msg).toContain(expected.code === 6 ? expected.msg.split(":")[0] : expected.msg);
    if (expected.details !== undefined && expected.code !== 6) expect(actual.details).toBe(expected.details);
  });
});

describe.skipIf(missing)("results are converted as the Go suite converts them", () => {
  const results = missing
    ? []
    : known.map((version) => [version, JSON.parse(go(env, config(version)).stdout)] as [Version, object]);
  const newest = results.at(-1)?.[1];
  for (const [version, result] of results) {
    test(`1.0.0 → ${version}`, () => expect(convertResult(newest, "1.0.0", version)).toEqual(result));
    test(`${version} → ${version}`, () => expect(convertResult(result, "0.1.0", version)).toEqual(result));
  }
});
