import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadNetwork, loadNetworkFile } from "../../../src/cni/confdir.ts";
import { CniError } from "../../../src/cni/error.ts";
import { listOfOne, parseNetworkList, parsePluginConfig } from "../../../src/cni/netlist.ts";
import { scratchDirectory } from "./plugins.ts";

let scratch: ReturnType<typeof scratchDirectory>;
beforeEach(() => {
  scratch = scratchDirectory();
});
afterEach(() => scratch[Symbol.dispose]());

const at = (name: string) => join(scratch.path, name);
function write(name: string, content: unknown): void {
  mkdirSync(dirname(at(name)), { recursive: true });
  writeFileSync(at(name), typeof content === "string" ? content : JSON.stringify(content));
}
const list = (name: string, ...types: string[]) => ({
  name,
  cniVersion: "1.0.0",
  plugins: types.map((type) => ({ type })),
});
const parse = (value: unknown) =>
  parseNetworkList(Buffer.from(typeof value === "string" ? value : JSON.stringify(value)));
const types = (network: { plugins: readonly { type: string }[] }) => network.plugins.map(({ type }) => type);

describe("a list", () => {
  test("is read", () => {
    const plugins = [{ type: "bridge", capabilities: { portMappings: true, ips: false }, mtu: 9 }, { type: "tuning" }];
    const raw = { cniVersion: "0.4.0", name: "net", disableCheck: true, plugins };
    expect(parse(raw)).toEqual({
      name: "net",
      version: "0.4.0",
      disableCheck: true,
      disableGC: false,
      loadOnlyInlinedPlugins: false,
      plugins: [
        { type: "bridge", name: "", capabilities: ["portMappings"], raw: plugins[0] },
        { type: "tuning", name: "", capabilities: [], raw: plugins[1] },
      ],
      bytes: Buffer.from(JSON.stringify(raw)),
    });
  });

  test.each([
    ["{", /^error parsing configuration list: ./],
    ["[]", "error parsing configuration list: an object is needed, not array"],
    [{}, "error parsing configuration list: no name"],
    [{ name: 5 }, "error parsing configuration list: invalid name type number"],
    [{ name: "n", cniVersion: 1 }, "error parsing configuration list: invalid cniVersion type number"],
    [{ name: "n", cniVersions: "1.0.0" }, "error parsing configuration list: invalid type for cniVersions: string"],
    [
      { name: "n", cniVersions: ["1.0.0", 1] },
      "error parsing configuration list: invalid type for cniVersions index 1: number",
    ],
    [{ name: "n", cniVersions: ["x"] }, /invalid cniVersions entry x at index 0: failed to convert major/],
    [{ name: "n", cniVersion: "x", cniVersions: [] }, /invalid cniVersion x: failed to convert major/],
    [{ name: "n", disableCheck: "junk" }, 'error parsing configuration list: invalid value "junk" for disableCheck'],
    [{ name: "n", disableGC: 5 }, "error parsing configuration list: invalid type number for disableGC"],
    [
      { name: "n", loadOnlyInlinedPlugins: [] },
      "error parsing configuration list: invalid type array for loadOnlyInlinedPlugins",
    ],
    [
      { name: "n", loadOnlyInlinedPlugins: true },
      "error parsing configuration list: `loadOnlyInlinedPlugins` is true, and no 'plugins' key",
    ],
    [{ name: "n", plugins: {} }, "error parsing configuration list: invalid 'plugins' type object"],
    [{ name: "n", plugins: [] }, "error parsing configuration list: no plugins in list"],
    [
      { name: "n", plugins: [{ type: "a" }, {}] },
      "failed to parse plugin config 1: error parsing configuration: missing 'type'",
    ],
    [{ name: "n", plugins: ["a"] }, /^failed to parse plugin config 0: ./],
  ])("%j is refused", (raw, message) => {
    expect(() => parse(raw)).toThrow(
      expect.objectContaining({
        code: 7,
        message: typeof message === "string" ? message : expect.stringMatching(message),
      }),
    );
  });

  test.each([
    [true, true],
    ["true", true],
    ["TRUE", true],
    ["False", false],
    [false, false],
    [null, false],
  ])("disableCheck %j is %s", (disableCheck, value) => {
    expect(parse({ ...list("n", "a"), disableCheck }).disableCheck).toBe(value);
  });

  test.each<[fields: object, version: string]>([
    [{}, ""],
    [{ cniVersion: "0.4.0" }, "0.4.0"],
    [{ cniVersion: "9.0.0" }, "9.0.0"],
    [{ cniVersions: ["0.4.0", "1.0.0", "0.3.1"] }, "1.0.0"],
    [{ cniVersion: "1.1.0", cniVersions: ["0.4.0", "1.0.0"] }, "1.1.0"],
    [{ cniVersion: "0.4.0", cniVersions: ["1.1.0", "1.2.0", "2.0.0"] }, "1.1.0"],
    [{ cniVersion: "0.3.1", cniVersions: [] }, "0.3.1"],
    [{ cniVersion: "2.0.0", cniVersions: ["1.3.0"] }, "2.0.0"],
    [{ cniVersions: [] }, ""],
    [{ cniVersions: ["0.10.0", "0.9.0"] }, "0.10.0"],
  ])("%j chooses %j", (fields, version) => {
    expect(parse({ name: "n", plugins: [{ type: "a" }], ...fields }).version).toBe(version);
  });

  test("anything else is a list or one CniError", () => {
    const keys = ["name", "cniVersion", "cniVersions", "disableCheck", "plugins", "loadOnlyInlinedPlugins"];
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), fc.jsonValue()), (raw) => {
        try {
          expect(parse({ name: "n", ...raw }).plugins).toBeInstanceOf(Array);
        } catch (error) {
          expect(error).toBeInstanceOf(CniError);
        }
      }),
    );
  });
});

describe("a single plugin's configuration", () => {
  const parseSingle = (text: string) => parsePluginConfig(Buffer.from(text));

  test("becomes a list of one, and back", () => {
    const raw = { cniVersion: "0.2.0", name: "net", type: "bridge", own: { a: [1] } };
    const single = listOfOne(parseSingle(JSON.stringify(raw)));
    expect(single).toMatchObject({ name: "net", version: "0.2.0", plugins: [{ type: "bridge", raw }] });
    expect(parseNetworkList(single.bytes)).toEqual(single);
  });

  test.each([
    ["{", /^error parsing configuration: ./],
    ["{}", "error parsing configuration: missing 'type'"],
    ['{"type":5}', /invalid type of 'type'/],
    ['{"type":"a","name":[]}', /invalid name type array/],
    ['{"type":"a","capabilities":[]}', /invalid 'capabilities' type array/],
  ])("%s is refused", (text, message) => expect(() => parseSingle(text)).toThrow(message));
});

describe("a directory", () => {
  test("lists by file name; a list before a single configuration of the same name", () => {
    write("10-b.conflist", list("net", "first"));
    write("05-a.conflist", list("other", "other"));
    write("20-c.conflist", list("net", "second"));
    write("00-single.conf", { name: "net", type: "single" });
    expect(types(loadNetwork(scratch.path, "net"))).toEqual(["first"]);
  });

  test.each(["conf", "json"])("falls back to a .%s file", (extension) => {
    write("10-other.conflist", list("other", "other"));
    write(`10-net.${extension}`, { name: "net", type: "single", cniVersion: "0.3.1" });
    expect(loadNetwork(scratch.path, "net")).toMatchObject({
      name: "net",
      version: "0.3.1",
      plugins: [{ type: "single" }],
    });
  });

  test(".conf and .json together by name", () => {
    write("20.conf", { name: "net", type: "conf" });
    write("10.json", { name: "net", type: "json" });
    expect(types(loadNetwork(scratch.path, "net"))).toEqual(["json"]);
  });

  test("nothing there, or nothing of that name", () => {
    expect(() => loadNetwork(at("missing"), "net")).toThrow(`no net configurations found in ${at("missing")}`);
    expect(() => loadNetwork(scratch.path, "net")).toThrow(`no net configurations found in ${scratch.path}`);
    write("10.conflist", list("other", "other"));
    write("net.conflist.bak", list("net", "backup"));
    write("nested/10.conflist", list("net", "nested"));
    mkdirSync(at("dir.conflist"));
    expect(() => loadNetwork(scratch.path, "net")).toThrow(`no net configuration with name "net" in ${scratch.path}`);
    write("20.conf", { name: "other", type: "other" });
    expect(() => loadNetwork(scratch.path, "net")).toThrow(`no net configuration with name "net" in ${scratch.path}`);
  });

  test("a bad file before the right one ends the search, one after it does not matter", () => {
    write("20.conflist", list("net", "good"));
    write("30.conflist", "{");
    expect(types(loadNetwork(scratch.path, "net"))).toEqual(["good"]);
    write("10.conflist", "{");
    expect(() => loadNetwork(scratch.path, "net")).toThrow(/^error parsing configuration list: /);
  });

  test("a file that cannot be read", () => {
    const file = at("loop.conflist");
    process.getBuiltinModule("node:fs").symlinkSync(file, file);
    expect(() => loadNetwork(scratch.path, "net")).toThrow(
      expect.objectContaining({ code: 5, message: `error reading ${file}` }),
    );
    chmodSync(scratch.path, 0o755);
    write("file", "");
    expect(() => loadNetwork(at("file"), "net")).toThrow(`error reading ${at("file")}`);
  });
});

describe("plugins in the network's folder", () => {
  const load = () => types(loadNetworkFile(at("10.conflist")));

  test("come after those of the list, by file name", () => {
    write("10.conflist", list("net", "inlined"));
    write("net/20.conf", { type: "second" });
    write("net/10.conf", { type: "first" });
    write("net/30.json", { type: "not this" });
    write("net/more/40.conf", { type: "nor this" });
    expect(load()).toEqual(["inlined", "first", "second"]);
  });

  test("alone are enough", () => {
    write("10.conflist", { name: "net" });
    write("net/10.conf", { type: "first" });
    expect(load()).toEqual(["first"]);
    write("10.conflist", { name: "net", loadOnlyInlinedPlugins: false });
    expect(load()).toEqual(["first"]);
  });

  test("may be missing, or none", () => {
    write("10.conflist", list("net", "inlined"));
    expect(load()).toEqual(["inlined"]);
    mkdirSync(at("net"));
    expect(load()).toEqual(["inlined"]);
    write("10.conflist", { name: "net" });
    expect(load).toThrow("no plugin configs found");
  });

  test("are left out with loadOnlyInlinedPlugins", () => {
    write("10.conflist", { ...list("net", "inlined"), loadOnlyInlinedPlugins: true });
    write("net/10.conf", "{");
    expect(load()).toEqual(["inlined"]);
  });

  test("fail the list when one is bad", () => {
    write("10.conflist", list("net", "inlined"));
    write("net/10.conf", { name: "no type" });
    expect(load).toThrow("error parsing configuration: missing 'type'");
  });

  test("are not looked for outside the directory", () => {
    write("conf/10.conflist", list("..", "inlined"));
    write("10.conf", { type: "outside" });
    expect(types(loadNetworkFile(at("conf/10.conflist")))).toEqual(["inlined"]);
  });
});
