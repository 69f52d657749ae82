import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { suiteVersion } from "../../../src/cni/about.ts";
import { CniError, ErrorCode } from "../../../src/cni/error.ts";
import type { AnyPlugin, Attachment, Network } from "../../../src/cni/plugin.ts";
import { emptyResult, type Result } from "../../../src/cni/result.ts";
import { runPlugin } from "../../../src/cni/run.ts";
import { versions, versionsFrom } from "../../../src/cni/version.ts";
import { Address } from "../../../src/ip/address.ts";
import { Prefix } from "../../../src/ip/prefix.ts";

const env = {
  CNI_COMMAND: "ADD",
  CNI_CONTAINERID: "c1",
  CNI_NETNS: "/nonexistent/netns",
  CNI_IFNAME: "eth0",
  CNI_ARGS: "IP=10.1.0.2",
  CNI_PATH: "/opt/cni/bin::/usr/lib/cni",
};
const config = { cniVersion: "1.1.0", name: "net", type: "noop" };
const result: Result = {
  ...emptyResult(),
  ips: [{ address: Prefix.parse("10.1.0.2/24"), gateway: Address.parse("10.1.0.1") }],
};

/** A plugin that records its calls; `overrides` replaces what it does. */
function recorder(overrides: Partial<AnyPlugin> = {}) {
  const calls: [verb: string, input: Attachment | Network, config: unknown][] = [];
  const record = (verb: string) => (input: Attachment | Network, config: unknown) => {
    calls.push([verb, input, config]);
    return result;
  };
  const plugin: AnyPlugin = {
    name: "noop",
    versions,
    configure: (network) => ({ of: network.name }),
    add: record("ADD"),
    del: record("DEL"),
    check: record("CHECK"),
    gc: record("GC"),
    status: record("STATUS"),
    ...overrides,
  };
  const run = (stdin: unknown = config, variables: Record<string, string | undefined> = {}) => {
    const text = typeof stdin === "string" ? stdin : JSON.stringify(stdin);
    const response = runPlugin(plugin, { env: { ...env, ...variables }, stdin: () => Buffer.from(text) });
    return { ...response, json: response.stdout === "" ? undefined : JSON.parse(response.stdout) };
  };
  return { calls, run };
}

describe("verbs", () => {
  test("ADD gets the attachment, and prints the result in the configuration's version", () => {
    const { calls, run } = recorder();
    const response = run();
    expect(response).toMatchObject({ status: 0, stderr: "" });
    expect(response.json).toEqual({ cniVersion: "1.1.0", ips: [{ address: "10.1.0.2/24", gateway: "10.1.0.1" }] });
    expect(response.stdout).toMatch(/^\{\n {4}"cniVersion".*[^\n]$/s);
    expect(calls).toEqual([["ADD", expect.anything(), { of: "net" }]]);
    expect(calls[0]?.[1]).toMatchObject({
      containerID: "c1",
      netns: "/nonexistent/netns",
      ifname: "eth0",
      args: "IP=10.1.0.2",
      prevResult: undefined,
      network: {
        name: "net",
        version: "1.1.0",
        path: ["/opt/cni/bin", "/usr/lib/cni"],
        raw: config,
        validAttachments: [],
      },
    });
  });

  test.each(versions)("ADD answers in %s", (cniVersion) => {
    expect(recorder().run({ ...config, cniVersion }).json.cniVersion).toBe(cniVersion);
  });

  test("without cniVersion it is 0.1.0", () => {
    expect(recorder().run({ name: "net" }).json.cniVersion).toBe("0.1.0");
    expect(recorder().run({ name: "net", cniVersion: null }).json.cniVersion).toBe("0.1.0");
    const refused = recorder({ versions: versionsFrom("0.4.0") }).run({ name: "net" });
    expect(refused.json).toMatchObject({ code: 1, details: expect.stringContaining('config is "0.1.0"') });
  });

  test.each(["DEL", "CHECK", "GC", "STATUS"])("%s prints nothing", (verb) => {
    const { calls, run } = recorder();
    expect(run(config, { CNI_COMMAND: verb })).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(calls).toEqual([[verb, expect.anything(), { of: "net" }]]);
  });

  test("DEL works without a namespace", () => {
    const { calls, run } = recorder();
    expect(run(config, { CNI_COMMAND: "DEL", CNI_NETNS: "" }).status).toBe(0);
    expect(calls[0]?.[1]).toMatchObject({ netns: undefined });
  });

  test("GC and STATUS need no attachment", () => {
    for (const CNI_COMMAND of ["GC", "STATUS"]) {
      const variables = { CNI_COMMAND, CNI_CONTAINERID: "", CNI_IFNAME: "", CNI_NETNS: "" };
      expect(recorder().run(config, variables).status).toBe(0);
      expect(recorder().run(config, { ...variables, CNI_PATH: "" }).json).toMatchObject({
        code: 4,
        msg: "required env variables [CNI_PATH] missing",
      });
    }
  });

  test("VERSION looks at nothing else, least of all at standard input", () => {
    const { calls, run: _ } = recorder();
    const response = runPlugin(
      { ...({} as AnyPlugin), name: "noop", versions: ["0.4.0", "1.0.0"] },
      {
        env: { CNI_COMMAND: "VERSION", CNI_IFNAME: "../bad", CNI_CONTAINERID: " " },
        stdin: () => {
          throw new Error("standard input was read");
        },
      },
    );
    expect(response).toEqual({
      status: 0,
      stdout: '{"cniVersion":"1.1.0","supportedVersions":["0.4.0","1.0.0"]}\n',
      stderr: "",
    });
    expect(calls).toEqual([]);
  });

  test.each([undefined, ""])("CNI_COMMAND %j: about text on standard error, exit 0", (command) => {
    const { calls, run } = recorder({ name: "firewall", versions: versionsFrom("0.4.0") });
    expect(run("not read", { CNI_COMMAND: command })).toEqual({
      status: 0,
      stdout: "",
      stderr: `CNI firewall plugin ${suiteVersion}\nCNI protocol versions supported: 0.4.0, 1.0.0, 1.1.0\n`,
      json: undefined,
    });
    expect(calls).toEqual([]);
    expect(suiteVersion).toMatch(/^v(1\.[1-9]\d*|[2-9]\d*)\.\d+/); // nerdctl asks for 1.7.1 or later
  });
});

describe("bad input: one error object, nothing called", () => {
  const cases: [what: string, stdin: unknown, variables: Record<string, string>, error: object][] = [
    ["nothing", "", {}, { code: 6, msg: expect.stringMatching(/^error unmarshall network config: ./) }],
    ["not JSON", "{", {}, { code: 6 }],
    ["two documents", "{}{}", {}, { code: 6 }],
    ["a byte order mark", "\u{feff}{}", {}, { code: 6 }],
    ["a list", "[]", {}, { code: 6 }],
    ["a number", "5", {}, { code: 6 }],
    ["null", "null", {}, { code: 7, msg: "missing network name" }],
    ["no name", { cniVersion: "1.0.0" }, {}, { code: 7, msg: "missing network name" }],
    ["null name", { name: null }, {}, { code: 7, msg: "missing network name" }],
    ["bad name", { name: "a b" }, {}, { code: 7, msg: "invalid characters found in network name", details: "a b" }],
    ["name of a wrong type", { name: 5 }, {}, { code: 6, details: "name: found number, allowed: a string" }],
    ["version of a wrong type", { name: "n", cniVersion: 1 }, {}, { code: 6 }],
    ["unknown version", { ...config, cniVersion: "9.9.9" }, {}, { code: 1, msg: "incompatible CNI versions" }],
    ["version that is none", { ...config, cniVersion: "1.0" }, {}, { code: 1, msg: "incompatible CNI versions" }],
    ["version that is none, CHECK", { ...config, cniVersion: "x" }, { CNI_COMMAND: "CHECK" }, { code: 6 }],
    [
      "CHECK before 0.4.0",
      { ...config, cniVersion: "0.3.1" },
      { CNI_COMMAND: "CHECK" },
      { code: 1, msg: "config version does not allow CHECK" },
    ],
    [
      "GC before 1.1.0",
      { ...config, cniVersion: "1.0.0" },
      { CNI_COMMAND: "GC" },
      { code: 1, msg: "config version does not allow GC" },
    ],
    [
      "STATUS before 1.1.0",
      { ...config, cniVersion: "" },
      { CNI_COMMAND: "STATUS" },
      { code: 1, msg: "config version does not allow STATUS" },
    ],
    ["unknown command", config, { CNI_COMMAND: "NOPE", CNI_PATH: "" }, { code: 4, msg: "unknown CNI_COMMAND: NOPE" }],
    ["command in lower case", config, { CNI_COMMAND: "add" }, { code: 4, msg: "unknown CNI_COMMAND: add" }],
    ["unknown command and no configuration", "", { CNI_COMMAND: "NOPE" }, { code: 6 }],
    ["bad variable and no configuration", "", { CNI_IFNAME: "a/b" }, { code: 4 }],
    [
      "bad container ID",
      config,
      { CNI_CONTAINERID: "../x" },
      { code: 4, msg: "invalid characters in containerID", details: "../x" },
    ],
    [
      "missing variables",
      config,
      { CNI_NETNS: "", CNI_PATH: "" },
      { code: 4, msg: "required env variables [CNI_NETNS,CNI_PATH] missing" },
    ],
    [
      "prevResult of another family",
      { ...config, prevResult: { cniVersion: "0.2.0" } },
      {},
      { code: 6, msg: expect.stringContaining("could not parse prevResult") },
    ],
    ["prevResult of a wrong type", { ...config, prevResult: [] }, {}, { code: 6 }],
    ["bad GC list", { ...config, "cni.dev/valid-attachments": 5 }, { CNI_COMMAND: "GC" }, { code: 6 }],
    [
      "bad GC list entry",
      { ...config, "cni.dev/valid-attachments": [{ containerID: "a" }] },
      { CNI_COMMAND: "GC" },
      { code: 6, msg: expect.stringContaining("valid-attachments[0]") },
    ],
    ["too deep", "[".repeat(100_000), {}, { code: 6 }],
  ];
  test.each(cases)("%s", (_what, stdin, variables, error) => {
    const { calls, run } = recorder();
    const response = run(stdin, variables);
    expect(response.status).toBe(1);
    expect(response.json).toMatchObject({ cniVersion: expect.any(String), ...error });
    expect(response.stdout.endsWith("}")).toBe(true);
    expect(calls).toEqual([]);
  });

  test("standard input that cannot be read", () => {
    const plugin = { ...({} as AnyPlugin), name: "noop", versions };
    const { status, stdout } = runPlugin(plugin, {
      env,
      stdin: () => {
        throw new Error("EIO: i/o error, read");
      },
    });
    expect([status, JSON.parse(stdout)]).toEqual([
      1,
      { cniVersion: "1.1.0", code: 5, msg: "error reading from stdin: EIO: i/o error, read" },
    ]);
  });

  test("keys in any case", () => {
    const { calls, run } = recorder();
    expect(run({ NAME: "net", CNIVERSION: "0.4.0" }).json.cniVersion).toBe("0.4.0");
    expect(calls).toHaveLength(1);
  });

  test("errors carry the configuration's version where it is known", () => {
    const failing = recorder({
      add: () => {
        throw new Error("boom");
      },
    });
    expect(failing.run({ ...config, cniVersion: "0.3.1" }).json).toEqual({
      cniVersion: "0.3.1",
      code: 999,
      msg: "boom",
    });
    expect(recorder().run({ name: "a b", cniVersion: "0.3.1" }).json.cniVersion).toBe("1.1.0");
  });
});

describe("the caller's own namespace", () => {
  const own = { CNI_NETNS: "/proc/self/ns/net" };
  test.each(["ADD", "DEL"])("%s is refused before anything happens", (CNI_COMMAND) => {
    const { calls, run } = recorder();
    const { status, json } = run(config, { ...own, CNI_COMMAND });
    expect([status, json.code, json.msg]).toEqual([
      1,
      ErrorCode.invalidNamespace,
      "plugin's netns and netns from CNI_NETNS should not be the same",
    ]);
    expect(calls).toEqual([]);
  });

  test.each(["1", "true", "TRUE", "True"])("CNI_NETNS_OVERRIDE=%s allows it", (CNI_NETNS_OVERRIDE) => {
    expect(recorder().run(config, { ...own, CNI_NETNS_OVERRIDE }).status).toBe(0);
  });

  test.each(["", "0", "yes"])("CNI_NETNS_OVERRIDE=%j does not", (CNI_NETNS_OVERRIDE) => {
    expect(recorder().run(config, { ...own, CNI_NETNS_OVERRIDE }).json.code).toBe(8);
  });

  test("CHECK and plugins for it are free to look", () => {
    expect(recorder().run(config, { ...own, CNI_COMMAND: "CHECK" }).status).toBe(0);
    expect(recorder({ ownNamespaceAllowed: true }).run(config, own).status).toBe(0);
  });

  test.each(["/nonexistent", "/etc/passwd/x", "relative", "\0"])("%j is for the plugin to judge", (CNI_NETNS) => {
    expect(recorder().run(config, { CNI_NETNS }).status).toBe(0);
  });
});

describe("prevResult", () => {
  const prevResult = { cniVersion: "1.0.0", Interfaces: [{ name: "eth0" }], ips: null };

  test("is read, also of another version of its family", () => {
    const { calls, run } = recorder();
    run({ ...config, prevResult });
    expect(calls[0]?.[1]).toMatchObject({ prevResult: { interfaces: [{ name: "eth0" }], ips: [] } });
  });

  test("a broken one does not stop DEL", () => {
    const { calls, run } = recorder();
    const response = run({ ...config, prevResult: { cniVersion: "0.2.0" } }, { CNI_COMMAND: "DEL" });
    expect(response).toMatchObject({ status: 0, stdout: "" });
    expect(response.stderr).toMatch(/^Going on without prevResult: could not parse prevResult.*\n$/);
    expect(calls[0]?.[1]).toMatchObject({ prevResult: undefined });
  });
});

describe("GC's valid attachments", () => {
  const key = { containerID: "c1", ifname: "eth0" };
  test.each<[keys: object, attachments: object[]]>([
    [{}, []],
    [{ "cni.dev/valid-attachments": null }, []],
    [{ "cni.dev/valid-attachments": [] }, []],
    [{ "cni.dev/valid-attachments": [key] }, [key]],
    [{ "cni.dev/attachments": [key] }, [key]],
    [{ "cni.dev/valid-attachments": [], "cni.dev/attachments": [key] }, []],
    [{ "cni.dev/valid-attachments": null, "cni.dev/attachments": [key] }, [key]],
    [{ "CNI.dev/Valid-Attachments": [{ ContainerID: "c1", IfName: "eth0", more: 1 }] }, [key]],
  ])("%j", (keys, attachments) => {
    const { calls, run } = recorder();
    expect(run({ ...config, ...keys }, { CNI_COMMAND: "GC" }).status).toBe(0);
    expect(calls[0]?.[1]).toMatchObject({ validAttachments: attachments });
  });

  test("a bad list is no concern of other verbs", () => {
    expect(recorder().run({ ...config, "cni.dev/valid-attachments": 5 }).status).toBe(0);
  });
});

describe("what a verb throws", () => {
  const failing = (thrown: unknown) =>
    recorder({
      add: () => {
        throw thrown;
      },
    }).run();
  const refused = new CniError(ErrorCode.tryAgainLater, "try later", { details: "in a minute" });
  const busy = new Error("Device or resource busy");

  test.each<[thrown: unknown, error: object]>([
    [refused, { code: 11, msg: "try later", details: "in a minute" }],
    [new Error("outer", { cause: refused }), { code: 11, msg: "outer: try later", details: "in a minute" }],
    [new CniError(7, "outer", { cause: refused }), { code: 7, msg: "outer: try later" }],
    [new Error("Cannot add port", { cause: busy }), { code: 999, msg: "Cannot add port: Device or resource busy" }],
    [
      new Error("Cannot: Device or resource busy", { cause: busy }),
      { code: 999, msg: "Cannot: Device or resource busy" },
    ],
    ["text", { code: 999, msg: "text" }],
    [undefined, { code: 999, msg: "undefined" }],
    [new TypeError("x is not a function"), { code: 999, msg: "x is not a function" }],
    [
      new SuppressedError(new Error("undo 2"), new SuppressedError(new Error("undo 1"), refused)),
      { code: 11, msg: "try later", details: "in a minute; while undoing: undo 1; while undoing: undo 2" },
    ],
    [new SuppressedError(busy, busy), { code: 999, msg: "Device or resource busy" }],
  ])("%s", (thrown, error) => {
    const { status, json } = failing(thrown);
    expect([status, json]).toEqual([1, { cniVersion: "1.1.0", ...error }]);
  });

  test("an error that is its own cause, and a stack overflow", () => {
    const circular = new Error("round");
    circular.cause = circular;
    expect(failing(circular).json).toMatchObject({ code: 999, msg: "round" });
    const overflow = recorder({
      add: function recurse(...args): Result {
        return recurse(...args);
      },
    });
    expect(overflow.run().json).toMatchObject({ code: 999 });
  });

  test("undo steps that fail are told beside what went wrong", () => {
    const { json } = recorder({
      add() {
        using undo = new DisposableStack();
        for (const step of ["first", "second"]) {
          undo.defer(() => {
            throw new Error(`${step} stays`);
          });
        }
        throw refused;
      },
    }).run();
    expect(json).toEqual({
      cniVersion: "1.1.0",
      code: 11,
      msg: "try later",
      details: "in a minute; while undoing: second stays; while undoing: first stays",
    });
  });

  test("what the plugin had to say comes along", () => {
    const { stderr, status } = recorder({
      add: ({ network }) => {
        network.warn("one");
        network.warn("two");
        throw refused;
      },
    }).run();
    expect([status, stderr]).toEqual([1, "one\ntwo\n"]);
  });
});

test("an ADD whose result cannot be printed is taken back", () => {
  const { calls, run } = recorder({ add: () => emptyResult() });
  const { json } = run({ ...config, cniVersion: "0.2.0" });
  expect(json).toMatchObject({ cniVersion: "0.2.0", code: 6, msg: "cannot convert: no valid IP addresses" });
  expect(calls.map(([verb]) => verb)).toEqual(["DEL"]);
});

describe("a configuration that the plugin refuses", () => {
  const configure = () => {
    throw new CniError(ErrorCode.invalidConfig, "bad");
  };

  test.each(["ADD", "CHECK", "STATUS", "DEL", "GC"])("fails %s", (CNI_COMMAND) => {
    const { calls, run } = recorder({ configure });
    expect(run(config, { CNI_COMMAND }).json).toMatchObject({ code: 7, msg: "bad" });
    expect(calls).toEqual([]);
  });

  test.each([
    ["ADD", 1],
    ["CHECK", 1],
    ["STATUS", 1],
    ["DEL", 0],
    ["GC", 0],
  ])("with configureForRelease %s exits %i", (CNI_COMMAND, status) => {
    const { calls, run } = recorder({ configure, configureForRelease: (_network, error) => String(error) });
    expect(run(config, { CNI_COMMAND }).status).toBe(status);
    expect(calls.map(([, , given]) => given)).toEqual(status === 0 ? ["CniError: bad"] : []);
  });
});

test("whatever comes in, at most one JSON document goes out, and a failure is an error object", () => {
  const document = fc.oneof(
    fc.string(),
    fc.json(),
    fc
      .dictionary(
        fc.constantFrom("name", "NAME", "cniVersion", "prevResult", "cni.dev/valid-attachments", "__proto__"),
        fc.oneof(fc.jsonValue(), fc.constantFrom("net", ...versions)),
      )
      .map((value) => JSON.stringify(value)),
  );
  const variables = fc.record(
    {
      CNI_COMMAND: fc.oneof(fc.string(), fc.constantFrom("ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION")),
      CNI_CONTAINERID: fc.oneof(fc.string(), fc.constant("c1")),
      CNI_IFNAME: fc.oneof(fc.string(), fc.constant("eth0")),
      CNI_NETNS: fc.string(),
      CNI_PATH: fc.string(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(document, variables, (stdin, given) => {
      const { status, stdout, json } = recorder().run(stdin, given);
      if (status === 0) return;
      expect(json).toMatchObject({ cniVersion: expect.any(String), code: expect.any(Number), msg: expect.any(String) });
      expect(json.code).toBeGreaterThan(0);
      expect(stdout.startsWith("{")).toBe(true);
    }),
    { numRuns: 500 },
  );
});
