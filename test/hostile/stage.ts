import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  addContainer,
  callPlugin,
  type Host,
  makeHost,
  removeContainer,
  removeHost,
  runScript,
  suites,
} from "../bench/host.ts";
import { compareSettled, type Snapshot, takeSnapshot } from "../faults/snapshot.ts";
import type { Answer } from "./answer.ts";
import { configOf, earlier, isChained } from "./configs.ts";

export type Env = Readonly<Record<string, string>>;

/** A host and a container, where a plugin is called with whatever comes to mind. */
export interface Stage extends Disposable {
  readonly host: Host;
  /** The path of the container's namespace. */
  readonly netns: string;
  /** What the plugin is usually given. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly env: Env;
  /** Runs an executable on the host. */
  run(executable: string, stdin: string | Uint8Array, env: Env, args?: readonly string[]): Answer;
  /** How host, container and files differ from before, but for what is made on a host once and for all. */
  leftovers(): string[];
}

export const bin = suites.berth.directory;

/** Milliseconds. Nothing takes a tenth of that on a machine that does nothing else. */
const timeout = 10_000;

let count = 0;

export function setStage(plugin: string): Stage {
  const name = `hostile${count++}`;
  const container = `${name}-pod`;
  const netns = `/run/netns/${container}`;
  const host = makeHost(suites.berth, name);
  addContainer(container);
  runScript(
    host.namespace,
    "ip link add spare type veth peer name spare-peer; ip link set spare-peer addrgenmode none",
  );
  const env = {
    PATH: process.env["PATH"] ?? "",
    CNI_COMMAND: "ADD",
    CNI_CONTAINERID: "pod",
    // The one plugin whose container is in the host's own namespace.
    CNI_NETNS: plugin === "host" ? host.namespace.path : netns,
    CNI_IFNAME: plugin === "loopback" ? "lo" : "eth0",
    CNI_PATH: bin,
  };
  const prevResult = isChained(plugin) ? addFirst(host, container) : undefined;
  const config = { ...configOf(plugin, host.state), ...(prevResult !== undefined && { prevResult }) };
  const run: Stage["run"] = (executable, stdin, variables, args = []) =>
    host.namespace.run(() => {
      const options = { input: stdin, env: variables, timeout, killSignal: "SIGKILL", maxBuffer: 1 << 28 } as const;
      const { status, stdout, stderr, error } = spawnSync(executable, args, { ...options, encoding: "utf8" });
      const hung = (error as NodeJS.ErrnoException | undefined)?.code === "ETIMEDOUT";
      return { status, stdout, stderr: hung ? `hangs: killed after ${timeout} ms` : stderr };
    });
  // What is there after the first time stays: directories, lock files, forwarding.
  for (const CNI_COMMAND of ["ADD", "DEL"]) run(`${bin}/${plugin}`, JSON.stringify(config), { ...env, CNI_COMMAND });
  const look = () => new Set([...takeSnapshot(host, netns), ...strayFiles(host.state)].filter(isLeftover));
  const before: Snapshot = look();
  return {
    host,
    netns,
    config,
    env,
    run,
    leftovers: () => compareSettled(before, look),
    [Symbol.dispose]() {
      if (existsSync(netns)) removeContainer(container);
      removeHost(host);
    },
  };
}

function addFirst(host: Host, container: string): unknown {
  const { status, stdout } = callPlugin(host, { verb: "ADD", container, plugin: earlier });
  if (status !== 0) throw new Error(`Cannot make an interface for a chained plugin: ${stdout}`);
  return JSON.parse(stdout);
}

/** Files where no plugin was told to keep any; the sandbox keeps there what is written below /etc, /opt and /var/lib. */
function strayFiles(state: string): string[] {
  const usual = [state, "/run/berth", "/run/cni", "/run/netns", "/run/tmp", "/run/sandbox/etc/work"];
  const list = (directory: string): string[] =>
    readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
      const path = join(directory, entry.name);
      if (usual.includes(path) || /^\/run\/hostile\d+$/.test(path)) return [];
      return entry.isDirectory() ? list(path) : [`stray ${path} ${describeFile(path)}`];
    });
  return ["/run", "/etc/cni", "/opt/cni"].flatMap(list);
}

function describeFile(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return "";
  return stat.isFile() && stat.size < 10_000 ? JSON.stringify(readFileSync(path, "latin1")) : realpathSync(path);
}

/** A network that was used once has a directory, with a lock and where its allocation stood. */
function isLeftover(fact: string): boolean {
  const [, path] = /^file (\/\S+)/.exec(fact) ?? [];
  if (path === undefined) return true;
  return (
    !/\/(lock|last_reserved_ip\.\d+|\.[^/]*\.sticky)$/.test(path) &&
    !statSync(path, { throwIfNoEntry: false })?.isDirectory()
  );
}
