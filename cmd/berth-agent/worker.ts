import { statSync, writeSync } from "node:fs";
import { lockPath } from "../../src/attach/state.ts";
import type { AnyPlugin } from "../../src/cni/plugin.ts";
import { Descriptor } from "../../src/linux/descriptor.ts";
import { lockPassingFile } from "../../src/linux/lock.ts";
import { PollEvent, poll } from "../../src/linux/poll.ts";
import { endAfter } from "../../src/linux/process.ts";
import { readToEnd, writeAll } from "../../src/linux/stdio.ts";
import { acceptUnix } from "../../src/linux/unixsocket.ts";
import { plugins } from "../plugins.ts";
import { servePlugin } from "../serve.ts";
import { type Caller, NotOurs, readCaller, standingOf } from "./caller.ts";

/** The descriptors that a worker is started with. The second can be read when the agent is gone, or wants no more of it. */
export const passed = { listener: 3, agent: 4 } as const;

/** A worker's exit status: it has done its part, or the executable was replaced, and a new one should do the rest. */
export const workerStatus = { done: 0, replaced: 75 } as const;

/** The first byte of an answer, as handover.s has it. */
const Reply = { notMe: 0, accepted: 1 } as const;

/** A process that has answered so often begins anew: by then V8 has let 15 MB more of garbage stand, and goes on to 50. */
const mostCalls = 1000;

/** The longest that a call may take, in seconds; runtimes give up before. The kernel ends a worker that hangs. */
const patience = 300;

/** Answers calls, one after the other. @returns a {@link workerStatus}. */
export function work(): number {
  // Not in the midst of a call: the agent says when.
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => {});
  const listener = new Descriptor(passed.listener);
  const own = standingOf("self");
  const told = new Set<string>();
  for (let calls = 0; calls < mostCalls; calls++) {
    const ready = poll([passed.agent, listener.fd], PollEvent.in);
    if (ready.includes(passed.agent)) break;
    using connection = acceptNext(listener);
    if (connection === undefined || isGone(connection)) continue;
    try {
      using caller = readCaller(connection, own);
      answer(connection, caller);
    } catch (error) {
      reply(connection, Reply.notMe);
      const text = `A call is left to its own process: ${describe(error)}`;
      if (!told.has(text)) log(text);
      told.add(text);
      if (isReplaced()) return workerStatus.replaced;
    }
  }
  return workerStatus.done;
}

/** Undefined when another worker was quicker. */
function acceptNext(listener: Descriptor): Descriptor | undefined {
  try {
    return acceptUnix(listener);
  } catch {
    return undefined;
  }
}

/** Whether its process does not wait any more: it never sends anything, so all that can come is its end. */
function isGone(connection: Descriptor): boolean {
  return poll([connection.fd], PollEvent.in, 0).length > 0;
}

/** A reason that is the same for all processes that it is one for. */
function describe(error: unknown): string {
  return error instanceof NotOurs ? error.message : String(error).replace(/\/proc\/\d+/, "/proc/<pid>");
}

/** @throws NotOurs or an error of the kernel, before anything has happened. */
function answer(connection: Descriptor, caller: Caller): void {
  const plugin = plugins[caller.name]?.();
  if (plugin === undefined || caller.args.length > 0) throw new NotOurs("it is not one of a plugin");
  process.chdir(caller.directory);
  // By its PATH are the programs found that it calls, and they are given all of it.
  process.env = { ...caller.env };
  try {
    // Whoever did not wait does it by itself.
    if (!reply(connection, Reply.accepted)) return;
    endAfter(patience);
    serve(connection, caller, plugin);
  } catch (error) {
    // Nothing is said then, so that the process tells that it has no answer.
    log(`Cannot answer a call: ${error}`);
  } finally {
    process.chdir("/");
    endAfter(0);
  }
}

function serve(connection: Descriptor, caller: Caller, plugin: AnyPlugin): void {
  const { name, env } = caller;
  let input: Uint8Array | undefined;
  const stdin = () => {
    input ??= readToEnd(caller.stdin.fd, () => awaitInput(caller.stdin, connection));
    return input;
  };
  const call = { env, stdin, executable: "/proc/self/exe" };
  using _turn = lockAttachment(caller);
  const response = servePlugin(plugin, call);
  if (deliver(caller, response) && reply(connection, response.status)) return;
  // A process that is killed does not go on, and its runtime has perhaps called DEL since: nothing of this ADD may stay.
  if (env["CNI_COMMAND"] !== "ADD" || response.status !== 0) return;
  const { status, stdout } = servePlugin(plugin, { ...call, env: { ...env, CNI_COMMAND: "DEL" } });
  const subject = `what ${name} did for ${env["CNI_CONTAINERID"]}, whose process is gone`;
  log(status === 0 ? `Took back ${subject}` : `Cannot take back ${subject}: ${stdout.trim()}`);
}

/**
 * Waits for more of a caller's input. @throws Error when the caller is gone: of what is written to a terminal or a pipe
 * that others have as well, nothing is for it any more.
 */
function awaitInput(stdin: Descriptor, connection: Descriptor): void {
  for (;;) {
    const ready = poll([stdin.fd, connection.fd], PollEvent.in);
    if (ready.includes(connection.fd)) throw new Error("Cannot read the input: the process that it was for is gone");
    if (ready.length > 0) return;
  }
}

/** A killed process's ADD may still go on when the runtime calls the next for the same interface, which so waits for it. */
function lockAttachment({ name, env }: Caller): Disposable | undefined {
  if (env["CNI_COMMAND"] !== "ADD" && env["CNI_COMMAND"] !== "DEL") return undefined;
  const attachment = [name, env["CNI_CONTAINERID"] ?? "", env["CNI_IFNAME"] ?? ""].join("+");
  return lockPassingFile(lockPath(`agent-${encodeURIComponent(attachment).slice(0, 240)}`));
}

/** @returns whether somebody was there to read. The pipes are closed then: their reader waits for that. */
function deliver(caller: Caller, { stdout, stderr }: { stdout: string; stderr: string }): boolean {
  using _all = caller;
  try {
    writeAll(caller.stderr.fd, stderr);
    writeAll(caller.stdout.fd, stdout);
    return true;
  } catch {
    return false;
  }
}

/** @returns whether the caller is still there. */
function reply(connection: Descriptor, byte: number): boolean {
  try {
    return writeSync(connection.fd, Buffer.of(byte)) === 1;
  } catch {
    return false;
  }
}

/** install.sh has put another file in the place of each name: callers have that one. */
function isReplaced(): boolean {
  return statSync("/proc/self/exe").nlink === 0;
}

function log(text: string): void {
  try {
    writeAll(2, `${text}\n`);
  } catch {}
}
