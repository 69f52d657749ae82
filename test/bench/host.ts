import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { basename } from "node:path";
import { NetworkNamespace } from "../../src/linux/namespace.ts";
import type { PluginConfig } from "../oracle/case.ts";
import { type Suite, suites } from "../oracle/suite.ts";

export { type PluginConfig, type Suite, suites };

export type Verb = "ADD" | "DEL" | "CHECK" | "GC";

/** One suite's computer inside a sandbox: a network namespace, and a directory for what the suite keeps. */
export interface Host {
  readonly suite: Suite;
  readonly namespace: NetworkNamespace;
  readonly state: string;
}

export interface Call {
  readonly verb: Verb;
  /** Its namespace is `/run/netns/<container>`. */
  readonly container: string;
  readonly plugin: PluginConfig;
  readonly prevResult?: unknown;
  /** `eth0` if left out. */
  readonly ifname?: string;
}

export interface Answer {
  /** Null where a signal ended the plugin. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** From the start of the process to its end. */
  readonly milliseconds: number;
}

/** @param name to tell it from others of the sandbox. */
export function makeHost(suite: Suite, name = `host-${suite.name.toLowerCase()}`): Host {
  const state = `/run/${name}`;
  mkdirSync(state, { recursive: true });
  addContainer(name);
  const namespace = NetworkNamespace.open(`/run/netns/${name}`);
  runScript(
    namespace,
    `ip link set lo up
    ip link add uplink type veth peer name outside
    for name in uplink outside; do ip link set $name addrgenmode none up; done
    ip address add 192.0.2.1/24 dev uplink`,
  );
  return { suite, namespace, state };
}

export function removeHost({ namespace, state }: Host): void {
  removeContainer(basename(namespace.path));
  namespace[Symbol.dispose]();
  rmSync(state, { recursive: true });
}

export function addContainer(...names: string[]): void {
  for (const name of names) runScript(undefined, `ip netns add ${name}`);
}

export function removeContainer(...names: string[]): void {
  for (const name of names) runScript(undefined, `ip netns delete ${name}`);
}

/** @returns what a shell script printed. @throws an Error when it failed. */
export function runScript(namespace: NetworkNamespace | undefined, script: string): string {
  const run = () => spawnSync("sh", ["-ec", script], { encoding: "utf8", maxBuffer: 1 << 28 });
  const { status, stdout, stderr } = namespace === undefined ? run() : namespace.run(run);
  if (status !== 0) throw new Error(`Cannot run ${script}: ${stderr}`);
  return stdout;
}

/** Milliseconds: whoever takes that long hangs. */
const timeout = 60_000;

/** @param wrapper a command to run the plugin under: strace and its options. */
export function callPlugin(host: Host, call: Call, wrapper: readonly string[] = []): Answer {
  const [command = "", ...rest] = [...wrapper, `${host.suite.directory}/${call.plugin.type}`];
  const options = { input: inputOf(host, call), env: environmentOf(host, call), encoding: "utf8", timeout } as const;
  return host.namespace.run(() => {
    const start = performance.now();
    const { status, stdout, stderr, error } = spawnSync(command, rest, options);
    if (error) throw error;
    return { status, stdout, stderr, milliseconds: performance.now() - start };
  });
}

/** As {@link callPlugin}, beside others. @param onStart sees the process, as to kill it. */
export function startPlugin(
  host: Host,
  call: Call,
  onStart: (child: ChildProcess) => void = () => {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const command = `${host.suite.directory}/${call.plugin.type}`;
    const child = host.namespace.run(() => spawn(command, { env: environmentOf(host, call) }));
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, stdout, stderr, milliseconds: performance.now() - start }));
    // A plugin that was killed, or that does not read, breaks the pipe.
    child.stdin.on("error", () => {});
    child.stdin.end(inputOf(host, call));
    onStart(child);
  });
}

/** Calls the plugins of a list as a runtime does; CHECK and DEL get `result`, which ADD gives. */
export function callChain(
  host: Host,
  verb: Verb,
  container: string,
  plugins: readonly PluginConfig[],
  result?: unknown,
): { readonly result: unknown; readonly milliseconds: number } {
  let prevResult = result;
  let milliseconds = 0;
  for (const plugin of verb === "DEL" ? plugins.toReversed() : plugins) {
    const answer = callPlugin(host, { verb, container, plugin, prevResult });
    if (answer.status !== 0) throw failure(host, verb, plugin, answer);
    milliseconds += answer.milliseconds;
    if (verb === "ADD") prevResult = JSON.parse(answer.stdout);
  }
  return { result: prevResult, milliseconds };
}

/** As {@link callChain}, beside others. */
export async function startChain(
  host: Host,
  verb: Verb,
  container: string,
  plugins: readonly PluginConfig[],
  result?: unknown,
): Promise<{ readonly result: unknown; readonly milliseconds: number }> {
  let prevResult = result;
  const start = performance.now();
  for (const plugin of verb === "DEL" ? plugins.toReversed() : plugins) {
    const answer = await startPlugin(host, { verb, container, plugin, prevResult });
    if (answer.status !== 0) throw failure(host, verb, plugin, answer);
    if (verb === "ADD") prevResult = JSON.parse(answer.stdout);
  }
  return { result: prevResult, milliseconds: performance.now() - start };
}

function failure({ suite }: Host, verb: Verb, { type }: PluginConfig, { status, stdout, stderr }: Answer): Error {
  return new Error(`${suite.name} ${type} ${verb} ended with ${status}: ${stdout}${stderr}`);
}

function environmentOf({ suite }: Host, { verb, container, ifname = "eth0" }: Call): NodeJS.ProcessEnv {
  return {
    PATH: process.env["PATH"],
    CNI_COMMAND: verb,
    CNI_CONTAINERID: container,
    CNI_NETNS: `/run/netns/${container}`,
    CNI_IFNAME: ifname,
    CNI_PATH: suite.directory,
  };
}

/** `$STATE` in a configuration stands for the suite's own directory. */
function inputOf({ state }: Host, { verb, plugin, prevResult }: Call): string {
  const config = {
    cniVersion: verb === "GC" ? "1.1.0" : "1.0.0",
    name: "net",
    ...plugin,
    ...(prevResult !== undefined && { prevResult }),
  };
  return JSON.stringify(config).replaceAll("$STATE", state);
}
