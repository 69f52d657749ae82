import { spawnSync } from "node:child_process";
import { dlopen } from "node:ffi";
import type { Agent } from "./agent.ts";
import { callPlugin, type Host, type PluginConfig } from "./host.ts";

/** What one ADD costs its node. */
export interface Usage {
  /** Of user and system together. */
  readonly milliseconds: number;
  /** The largest resident set of the plugin or of one that it called, in bytes. */
  readonly memory: number;
}

/** A node's cost of an ADD, with what the agent spends on it; the DEL after it is not counted. */
export function measureUsage(host: Host, plugin: PluginConfig, agent?: Agent): Usage {
  const container = `${host.suite.name}-measured`;
  const cpu = () => cpuOfChildren() + (agent?.cpu() ?? 0);
  const before = cpu();
  const { status, stdout, stderr } = callPlugin(host, { verb: "ADD", container, plugin });
  const milliseconds = cpu() - before;
  if (status !== 0) throw new Error(`${host.suite.name} ADD failed: ${stdout}${stderr}`);
  callPlugin(host, { verb: "DEL", container, plugin, prevResult: JSON.parse(stdout) });

  // A process starts with its parent's largest resident set, so this one's children are not measured from here.
  const measured = callPlugin(host, { verb: "ADD", container, plugin }, ["/usr/bin/time", "--format", "%M"]);
  const memory = Number(measured.stderr.trim().split("\n").at(-1)) * 1024;
  callPlugin(host, { verb: "DEL", container, plugin, prevResult: JSON.parse(measured.stdout) });
  return { milliseconds, memory };
}

export function canMeasureUsage(): boolean {
  return spawnSync("/usr/bin/time", ["true"]).status === 0;
}

const RUSAGE_CHILDREN = -1;
const SIZE_OF_RUSAGE = 144;
const { getrusage } = dlopen(null, { getrusage: { arguments: ["int32", "buffer"], return: "int32" } }).functions;

/** Milliseconds of CPU of all children that ended so far: `ru_utime` and `ru_stime` of getrusage(2). */
function cpuOfChildren(): number {
  const usage = Buffer.alloc(SIZE_OF_RUSAGE);
  getrusage(RUSAGE_CHILDREN, usage);
  const milliseconds = (at: number) =>
    Number(usage.readBigInt64LE(at)) * 1000 + Number(usage.readBigInt64LE(at + 8)) / 1000;
  return milliseconds(0) + milliseconds(16);
}
