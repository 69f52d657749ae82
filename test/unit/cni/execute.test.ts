import { closeSync, mkdirSync, openSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { execute, succeeded } from "../../../src/cni/execute.ts";
import { findPlugin } from "../../../src/cni/find.ts";
import { ScriptedPlugins, scratchDirectory } from "./plugins.ts";

let scratch: ReturnType<typeof scratchDirectory>;
let plugins: ScriptedPlugins;
const env = { PATH: process.env["PATH"], CNI_COMMAND: "ADD" };
const stdin = Buffer.from('{"name":"net"}');

beforeEach(() => {
  scratch = scratchDirectory();
  plugins = new ScriptedPlugins(scratch.path);
});
afterEach(() => scratch[Symbol.dispose]());

const run = (name: string, timeout?: number) => execute(join(plugins.directory, name), env, stdin, timeout);

test("environment and standard input arrive, standard output comes back as it is", () => {
  plugins.install("noop", { ADD: { stdout: '{"cniVersion":"1.0.0"} ', stderr: "log\n" } });
  expect(run("noop")).toEqual({ stdout: '{"cniVersion":"1.0.0"} ', stderr: "log\n", failure: undefined });
  const [call] = plugins.calls;
  expect(call?.stdin).toBe('{"name":"net"}');
  // The shell adds its own.
  const { PWD: _, SHLVL: __, OLDPWD: ___, _: ____, ...given } = call?.env ?? {};
  expect(given).toEqual(env);
});

describe("what a failing plugin's caller is told", () => {
  test.each([
    [{ stdout: '{"code":11,"msg":"later","details":"why"}', stderr: "dropped", status: 1 }, 11, "later", "why"],
    [{ stdout: '{"Code":7,"MSG":"bad"}', status: 2 }, 7, "bad", undefined],
    [{ stdout: "{}", status: 1 }, 0, "", undefined],
    [{ stdout: '{"code":"x","msg":5,"details":""}', status: 1 }, 0, "", undefined],
    [
      { stdout: "oops", status: 1 },
      0,
      /^netplugin failed but error parsing its diagnostic message "oops": ./,
      undefined,
    ],
    [{ stdout: '{"ips":[]}{"code":7}', status: 1 }, 0, /^netplugin failed but error parsing/, undefined],
    [{ stdout: "[]", status: 1 }, 0, /not an error object$/, undefined],
    [{ stderr: "went wrong\n", status: 3 }, 0, 'netplugin failed: "went wrong\\n": exit status 3', undefined],
    [{ status: 1 }, 0, "netplugin failed with no error message: exit status 1", undefined],
    [{ script: "kill -KILL $$" }, 0, "netplugin failed with no error message: signal: killed", undefined],
  ])("%j", (behaviour, code, message, details) => {
    plugins.install("noop", { ADD: behaviour });
    const outcome = run("noop");
    expect(() => succeeded(outcome)).toThrow(
      expect.objectContaining({
        code,
        message: typeof message === "string" ? message : expect.stringMatching(message),
        details,
      }),
    );
  });

  test("a file that cannot be executed", () => {
    writeFileSync(join(plugins.directory, "text"), "no program", { mode: 0o644 });
    const failed = {
      code: 0,
      message: expect.stringMatching(/^netplugin failed with no error message: fork\/exec .*\/text: EACCES$/),
    };
    expect(() => succeeded(run("text"))).toThrow(expect.objectContaining(failed));
    expect(() => succeeded(run("missing"))).toThrow(/fork\/exec .*\/missing: ENOENT$/);
  });

  test("one that takes too long is killed", () => {
    plugins.install("sleep", { ADD: { script: "exec sleep 60" } });
    const start = performance.now();
    expect(() => succeeded(run("sleep", 200))).toThrow("netplugin failed with no error message: signal: killed");
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

test("a plugin that does not read its standard input is no failure, however long that is", () => {
  writeFileSync(join(plugins.directory, "deaf"), "#!/bin/sh\nexec <&-\nsleep 0.1\necho '{}'\n", { mode: 0o755 });
  const long = execute(join(plugins.directory, "deaf"), env, Buffer.alloc(1 << 20, 0x20));
  expect(long).toEqual({ stdout: "{}\n", stderr: "", failure: undefined });
});

test("an executable that is still being written is tried again", () => {
  plugins.install("busy", { ADD: { stdout: "{}" } });
  // In a child, since this process blocks while it waits.
  const descriptor = openSync(join(plugins.directory, "busy"), "r+");
  const { spawn } = process.getBuiltinModule("node:child_process");
  const writer = spawn("sleep", ["1.5"], { stdio: ["ignore", descriptor, "ignore"] });
  closeSync(descriptor);
  const start = performance.now();
  expect(run("busy")).toMatchObject({ stdout: "{}", failure: undefined });
  expect(performance.now() - start).toBeGreaterThan(900);
  writer.kill();
});

describe("finding a plugin", () => {
  test("the first regular file in the path, symbolic links followed, no execute bit asked for", () => {
    const [a, b, c] = ["a", "b", "c"].map((name) => join(scratch.path, name)) as [string, string, string];
    for (const directory of [a, b, c]) mkdirSync(directory);
    mkdirSync(join(a, "noop"));
    writeFileSync(join(b, "noop"), "", { mode: 0o644 });
    writeFileSync(join(c, "noop"), "");
    symlinkSync(join(c, "noop"), join(a, "linked"));
    symlinkSync("/nonexistent", join(a, "dangling"));
    expect(findPlugin("noop", ["/nonexistent", a, b, c])).toBe(join(b, "noop"));
    expect(findPlugin("linked", [a])).toBe(join(a, "linked"));
    expect(() => findPlugin("dangling", [a, b])).toThrow(`failed to find plugin "dangling" in path [${a} ${b}]`);
    expect(() => findPlugin("noop", [join(b, "noop")])).toThrow("failed to find plugin");
  });

  test.each([
    ["", ["/a"], 7, "no plugin name provided"],
    ["a/b", ["/a"], 7, "invalid plugin name: a/b"],
    ["../../bin/sh", ["/a"], 7, "invalid plugin name: ../../bin/sh"],
    ["noop", [], 4, "no paths provided"],
    ["noop", ["/a", "/b"], 7, 'failed to find plugin "noop" in path [/a /b]'],
    [".", ["/usr"], 7, 'failed to find plugin "." in path [/usr]'],
    ["a\0b", ["/usr"], 7, 'failed to find plugin "a\0b" in path [/usr]'],
  ])("%j in %j", (type, path, code, message) => {
    expect(() => findPlugin(type, path)).toThrow(expect.objectContaining({ code, message }));
  });
});
