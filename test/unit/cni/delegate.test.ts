import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  delegateAdd,
  delegateCheck,
  delegateDel,
  delegateGc,
  delegateStatus,
  leaseAddresses,
} from "../../../src/cni/delegate.ts";
import { CniError } from "../../../src/cni/error.ts";
import type { AnyPlugin, Attachment } from "../../../src/cni/plugin.ts";
import { emptyResult } from "../../../src/cni/result.ts";
import { runPlugin } from "../../../src/cni/run.ts";
import { versions } from "../../../src/cni/version.ts";
import { Prefix } from "../../../src/ip/prefix.ts";
import { ScriptedPlugins, scratchDirectory } from "./plugins.ts";

let scratch: ReturnType<typeof scratchDirectory>;
let plugins: ScriptedPlugins;

beforeEach(() => {
  scratch = scratchDirectory();
  plugins = new ScriptedPlugins(scratch.path);
});
afterEach(() => scratch[Symbol.dispose]());

const given = '{"cniVersion":"1.1.0", "name":"net","ipam":{"type":"ipam"},"own":{"Key":9007199254740993}}';

/** Runs `verb` of a main plugin that consists of `body` alone. */
function within(body: (attachment: Attachment) => void, inProcess?: (executable: string) => AnyPlugin | undefined) {
  const add = (attachment: Attachment) => {
    body(attachment);
    return emptyResult();
  };
  const main: AnyPlugin = {
    name: "main",
    versions,
    configure: () => ({}),
    add,
    del() {},
    check() {},
    gc() {},
    status() {},
  };
  const env = {
    PATH: process.env["PATH"],
    CNI_COMMAND: "ADD",
    CNI_CONTAINERID: "c1",
    CNI_NETNS: "/nonexistent",
    CNI_IFNAME: "eth0",
    CNI_ARGS: "IP=10.0.0.1",
    CNI_PATH: `/nonexistent:${plugins.directory}`,
  };
  const response = runPlugin(main, { env, stdin: () => Buffer.from(given), ...(inProcess && { inProcess }) });
  return { ...response, error: response.status === 0 ? undefined : JSON.parse(response.stdout), env };
}

const lease = '{"cniVersion":"1.1.0","ips":[{"address":"10.0.0.1/24","interface":0}],"interfaces":[{"name":"x"}]}';

describe("executed", () => {
  test.each([
    ["ADD", delegateAdd],
    ["DEL", delegateDel],
    ["CHECK", delegateCheck],
    ["GC", ({ network }: Attachment, type: string) => delegateGc(network, type)],
    ["STATUS", ({ network }: Attachment, type: string) => delegateStatus(network, type)],
  ])("%s: the whole configuration as it came, the environment but for the command", (verb, call) => {
    plugins.install("ipam", { ADD: { stdout: lease, stderr: "said\n" } });
    const command = process.env["CNI_COMMAND"];
    const { status, stderr, env } = within((attachment) => call(attachment, "ipam"));
    expect([status, stderr]).toEqual([0, verb === "ADD" ? "said\n" : ""]);
    expect(plugins.sequence).toEqual([`ipam ${verb}`]);
    expect(plugins.calls[0]?.stdin).toBe(given);
    expect(plugins.calls[0]?.env).toMatchObject({ ...env, CNI_COMMAND: verb });
    expect(process.env["CNI_COMMAND"]).toBe(command);
  });

  test("its error is the caller's", () => {
    const stdout = '{"code":11,"msg":"pool is being rebuilt","details":"soon"}';
    plugins.install("ipam", { STATUS: { stdout, status: 1 } });
    expect(within(({ network }) => delegateStatus(network, "ipam")).error).toEqual({
      cniVersion: "1.1.0",
      code: 11,
      msg: "pool is being rebuilt",
      details: "soon",
    });
  });

  test.each([
    ["", /^failed to unmarshal the result of ipam: .*JSON/],
    ["not JSON", /^failed to unmarshal the result of ipam/],
    ['{"ips":5}', /ips is not an array/],
    ['{"cniVersion":"0.5.0"}', /unsupported CNI result version "0.5.0"/],
  ])("a result of %j", (stdout, message) => {
    plugins.install("ipam", { ADD: { stdout } });
    expect(within((attachment) => delegateAdd(attachment, "ipam")).error.msg).toMatch(message);
  });

  test.each([
    ['{"ips":[{"address":"10.0.0.1/24"}]}', ["10.0.0.1/24"]],
    ['{"cniVersion":"","ips":[{"address":"10.0.0.1/24"}]}', ["10.0.0.1/24"]],
    ['{"cniVersion":"0.2.0","ip4":{"ip":"10.0.0.1/24"}}', ["10.0.0.1/24"]],
    ["null", []],
  ])("%s is a result", (stdout, addresses) => {
    plugins.install("ipam", { ADD: { stdout } });
    let found: string[] | undefined;
    within((attachment) => {
      found = delegateAdd(attachment, "ipam").ips.map(({ address }) => String(address));
    });
    expect(found).toEqual(addresses);
  });

  test("one that is missing", () => {
    const { error } = within((attachment) => delegateAdd(attachment, "nope"));
    expect(error.msg).toBe(`failed to find plugin "nope" in path [/nonexistent ${plugins.directory}]`);
  });
});

describe("a lease", () => {
  const fails = () => {
    throw new CniError(7, "after the lease");
  };

  test("holds addresses only, and stays when ADD succeeds", () => {
    plugins.install("ipam", { ADD: { stdout: lease } });
    let result: unknown;
    within((attachment) => {
      using undo = new DisposableStack();
      result = undo.use(leaseAddresses(attachment, "ipam")).result;
      undo.move();
    });
    expect(result).toEqual({ interfaces: [], ips: [{ address: Prefix.parse("10.0.0.1/24") }], routes: [], dns: {} });
    expect(plugins.sequence).toEqual(["ipam ADD"]);
  });

  test("is given back when anything after it fails", () => {
    plugins.install("ipam", { ADD: { stdout: lease } });
    const { error } = within((attachment) => {
      using undo = new DisposableStack();
      undo.use(leaseAddresses(attachment, "ipam"));
      fails();
    });
    expect(error).toEqual({ cniVersion: "1.1.0", code: 7, msg: "after the lease" });
    expect(plugins.sequence).toEqual(["ipam ADD", "ipam DEL"]);
  });

  test.each([
    ["its own ADD fails", { stdout: '{"code":100,"msg":"no addresses"}', status: 1 }, "no addresses"],
    ["it has no address", { stdout: '{"cniVersion":"1.1.0"}' }, "IPAM plugin returned missing IP config"],
    ["what it printed is no result", { stdout: "{" }, expect.stringContaining("failed to unmarshal")],
  ])("is given back when %s", (_why, ADD, msg) => {
    plugins.install("ipam", { ADD });
    expect(within((attachment) => leaseAddresses(attachment, "ipam")).error).toMatchObject({ msg });
    expect(plugins.sequence).toEqual(["ipam ADD", "ipam DEL"]);
  });

  test("that cannot be given back is told in the details", () => {
    const stdout = '{"code":100,"msg":"store is locked"}';
    plugins.install("ipam", { ADD: { stdout: lease }, DEL: { stdout, status: 1 } });
    const { error } = within((attachment) => {
      using undo = new DisposableStack();
      undo.use(leaseAddresses(attachment, "ipam"));
      fails();
    });
    expect(error).toMatchObject({ code: 7, msg: "after the lease", details: "while undoing: store is locked" });
  });
});

test("in process the contract is the same, and no process is made", () => {
  plugins.install("ipam", { ADD: { script: "exit 9" } });
  const calls: string[] = [];
  const ipam: AnyPlugin = {
    name: "ipam",
    versions,
    isIpam: true,
    configure: ({ raw }) => raw["own"],
    add({ network, args }, config) {
      calls.push(`ADD ${network.env["CNI_COMMAND"]} ${args} ${JSON.stringify(config)}`);
      network.warn("said");
      return { ...emptyResult(), ips: [{ address: Prefix.parse("10.0.0.1/24") }] };
    },
    del() {
      calls.push("DEL");
      throw new CniError(100, "store is locked");
    },
    check() {},
    gc() {},
    status() {},
  };
  const { error, stderr } = within(
    (attachment) => {
      using undo = new DisposableStack();
      undo.use(leaseAddresses(attachment, "ipam"));
      throw new CniError(7, "after the lease");
    },
    (executable) => (executable === `${plugins.directory}/ipam` ? ipam : undefined),
  );
  expect(calls).toEqual(['ADD ADD IP=10.0.0.1 {"Key":9007199254740992}', "DEL"]);
  expect(stderr).toBe("said\n");
  expect(error).toEqual({
    cniVersion: "1.1.0",
    code: 7,
    msg: "after the lease",
    details: "while undoing: store is locked",
  });
  expect(plugins.calls).toEqual([]);
});

test("a plugin that is no IPAM plugin is none for another: it would wait for itself", () => {
  plugins.install("ipam", { ADD: { script: "exit 9" } });
  const main: AnyPlugin = {
    name: "bridge",
    versions,
    configure: () => ({}),
    add: () => emptyResult(),
    del() {},
    check() {},
    gc() {},
    status() {},
  };
  const { error } = within(
    (attachment) => void delegateAdd(attachment, "ipam"),
    () => main,
  );
  expect(error).toMatchObject({ code: 7, msg: "Cannot use bridge for addresses: it is no IPAM plugin" });
});
