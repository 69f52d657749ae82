import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import type { Host } from "./host.ts";

/** An agent that answers the calls of a host. */
export interface Agent {
  /** Milliseconds of CPU that it and its workers have used. */
  cpu(): number;
  /** Their process IDs. */
  workers(): number[];
  stop(): Promise<void>;
}

export async function startAgent({ suite, namespace }: Host, ...flags: readonly string[]): Promise<Agent> {
  const agent = namespace.run(() =>
    spawn(`${suite.directory}/berth-agent`, flags, { stdio: ["ignore", "inherit", "inherit"] }),
  );
  while (!existsSync("/run/berth/agent.sock")) {
    if (agent.exitCode !== null) throw new Error(`Cannot start an agent: it ended with ${agent.exitCode}`);
    await setTimeout(10);
  }
  const all = () => [agent.pid ?? 0, ...workersOf(agent)];
  return {
    cpu: () => all().reduce((sum, pid) => sum + cpuOf(pid), 0),
    workers: () => workersOf(agent),
    async stop() {
      agent.kill();
      await once(agent, "exit");
    },
  };
}

function workersOf({ pid }: ChildProcess): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return children.split(" ").filter(Boolean).map(Number);
}

/** The first number of a thread's schedstat: nanoseconds on a processor (Documentation/scheduler/sched-stats.rst). */
function cpuOf(process: number): number {
  const threads = globSync(`/proc/${process}/task/*/schedstat`).map((file) => readFileSync(file, "utf8").split(" ")[0]);
  return threads.reduce((sum, nanoseconds) => sum + Number(nanoseconds) / 1e6, 0);
}
