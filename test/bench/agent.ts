import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import type { Host } from "./host.ts";

/** An agent that answers the calls of a host. */
export interface Agent {
  /** Milliseconds of CPU that it and its workers have used. */
  cpu(): number;
  stop(): Promise<void>;
}

export async function startAgent({ suite, namespace }: Host): Promise<Agent> {
  const agent = namespace.run(() =>
    spawn(`${suite.directory}/berth-agent`, { stdio: ["ignore", "inherit", "inherit"] }),
  );
  while (!existsSync("/run/berth/agent.sock")) await setTimeout(10);
  return {
    cpu: () =>
      processesOf(agent)
        .map(cpuOf)
        .reduce((sum, milliseconds) => sum + milliseconds),
    async stop() {
      agent.kill();
      await once(agent, "exit");
    },
  };
}

function processesOf({ pid }: ChildProcess): string[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return [String(pid), ...children.split(" ").filter((text) => text !== "")];
}

/** The first number of a thread's schedstat: nanoseconds on a processor (Documentation/scheduler/sched-stats.rst). */
function cpuOf(process: string): number {
  const threads = globSync(`/proc/${process}/task/*/schedstat`).map((file) => readFileSync(file, "utf8").split(" ")[0]);
  return threads.reduce((sum, nanoseconds) => sum + Number(nanoseconds) / 1e6, 0);
}
