import { type ChildProcess, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { lockPath, stateDirectory } from "../../src/attach/state.ts";
import { suiteVersion } from "../../src/cni/about.ts";
import type { Env } from "../../src/cni/environment.ts";
import type { Descriptor } from "../../src/linux/descriptor.ts";
import { tryLockFile } from "../../src/linux/lock.ts";
import { writeAll } from "../../src/linux/stdio.ts";
import { listenUnix, SocketType } from "../../src/linux/unixsocket.ts";
import { passed, work, workerStatus } from "./worker.ts";

const usage = `Usage: berth-agent [--workers N]

Answers calls of the plugins in this directory, so that Node.js need not start for each. Ends by SIGTERM or SIGINT, or when
the executable is replaced; then, and when it is busy, each plugin answers for itself.

  --workers N   how many calls to answer at once (4)
`;

/** Beneath the state directory, as in handover.s. */
const socketName = "agent.sock";

/** What a worker that ended right after its start is given time for, in milliseconds. */
const pause = 1000;

/** Keeps as many workers as it was told, until it is to end. @returns the exit status. */
export async function main(args: readonly string[], _env: Env, about: string): Promise<number> {
  if (args[0] === "work") return work();
  try {
    const flags = readFlags(args);
    if (flags.help) writeAll(1, usage);
    else if (flags.version) writeAll(1, `berth-agent ${suiteVersion} (${about})\n`);
    else await keepWorkers(flags.workers);
    return 0;
  } catch (error) {
    const isUsage = error instanceof SyntaxError;
    writeAll(2, `${error instanceof Error ? error.message : error}\n${isUsage ? usage : ""}`);
    return isUsage ? 2 : 1;
  }
}

function readFlags(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        workers: { type: "string", default: "4" },
        help: { type: "boolean", default: false },
        version: { type: "boolean", default: false },
      },
    });
    if (!/^[1-9]\d?$/.test(values.workers)) {
      throw new Error(`Cannot have ${values.workers} workers: a number from 1 to 99 is possible`);
    }
    return { ...values, workers: Number(values.workers) };
  } catch (error) {
    throw new SyntaxError((error as Error).message);
  }
}

async function keepWorkers(count: number): Promise<void> {
  using undo = new DisposableStack();
  const lock = tryLockFile(lockPath("agent"));
  if (lock === undefined) throw new Error("Cannot listen: an agent does already");
  undo.use(lock);
  const path = `${stateDirectory()}/${socketName}`;
  // What an agent left that was killed.
  rmSync(path, { force: true });
  const listener = undo.use(listenUnix(path, 0o600, SocketType.sequencedPacket));
  const end = new AbortController();
  // However it ends: while the last calls are answered nobody is to wait for a worker.
  end.signal.addEventListener("abort", () => rmSync(path, { force: true }));
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => end.abort());
  process.chdir("/");
  const ends = await Promise.allSettled(Array.from({ length: count }, () => keepWorker(listener, end)));
  for (const { reason } of ends.filter((end) => end.status === "rejected")) throw reason;
}

/** One worker after the other. @throws Error when the executable was replaced. */
async function keepWorker(listener: Descriptor, end: AbortController): Promise<void> {
  // One that cannot go on ends all.
  using _end = { [Symbol.dispose]: () => end.abort() };
  while (!end.signal.aborted) {
    const start = performance.now();
    const status = await runWorker(listener, end.signal);
    if (status === workerStatus.replaced) {
      throw new Error("The executable was replaced: its successor has to be started");
    }
    if (status !== workerStatus.done && performance.now() - start < pause)
      await new Promise((r) => setTimeout(r, pause));
  }
}

/** @returns its exit status; null when a signal ended it. */
function runWorker(listener: Descriptor, end: AbortSignal): Promise<number | null> {
  const worker: ChildProcess = spawn("/proc/self/exe", ["work"], {
    argv0: "berth-agent",
    // From the fourth on they are what `passed` says.
    stdio: ["ignore", "inherit", "inherit", listener.fd, "pipe"],
  });
  const dismiss = () => worker.stdio[passed.agent]?.destroy();
  end.addEventListener("abort", dismiss);
  return new Promise((resolve, reject) => {
    worker.on("error", reject);
    worker.on("exit", (status) => {
      end.removeEventListener("abort", dismiss);
      resolve(status);
    });
  });
}
