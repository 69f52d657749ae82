import { rmSync, writeFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { Descriptor } from "../../src/linux/descriptor.ts";
import { makeDirectories } from "../../src/linux/file.ts";
import type { SystemError } from "../../src/linux/libc.ts";
import { connectUnix, listenUnix } from "../../src/linux/unixsocket.ts";
import { createAttachments } from "./attachments.ts";
import type { Daemon } from "./daemon.ts";
import { type Flags, readFlags, usage } from "./flags.ts";
import { createLoop } from "./loop.ts";
import { serve } from "./server.ts";
import { openStore } from "./store.ts";

/** `dhcp daemon`: gets addresses for containers, prolongs and releases them. Ends by SIGTERM or SIGINT. */
export async function main([, ...args]: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  try {
    await run(readFlags(args), env);
    return 0;
  } catch (error) {
    const isUsage = error instanceof SyntaxError;
    log(`${error instanceof Error ? error.message : error}${isUsage ? `\n${usage()}` : ""}`);
    return isUsage ? 2 : 1;
  }
}

async function run(flags: Flags, env: NodeJS.ProcessEnv): Promise<void> {
  using undo = new DisposableStack();
  const daemon = describe(flags);
  const done = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => done.abort(new Error(signal)));
  const listener = undo.use(passedSocket(env) ?? listen(undo, flags.hostprefix + flags.socketpath));
  if (flags.pidfile !== "") {
    writeFileSync(flags.pidfile, String(process.pid), { mode: 0o644 });
    undo.defer(() => rmSync(flags.pidfile, { force: true }));
  }
  const attachments = createAttachments(daemon);
  attachments.resume();
  const served = serve(daemon, attachments, listener, done.signal).catch((error) => {
    if (done.signal.aborted) return;
    done.abort(error);
    throw error;
  });
  await Promise.all([daemon.loop.run(done.signal), served]);
}

function describe({ hostprefix, socketpath, broadcast, timeout, resendmax, resendtimeout }: Flags): Daemon {
  return {
    loop: createLoop(),
    store: openStore(hostprefix),
    clock: { now: () => Date.now(), random: () => Math.random() },
    patience: { answer: timeout, resend: resendmax, total: resendtimeout },
    socket: socketpath,
    broadcast,
    hostPrefix: hostprefix,
    log,
  };
}

/** The first descriptor that a service manager hands over (sd_listen_fds(3)). */
const FIRST_PASSED = 3;

function passedSocket({ LISTEN_PID, LISTEN_FDS }: NodeJS.ProcessEnv): Descriptor | undefined {
  if (LISTEN_PID !== String(process.pid) || !LISTEN_FDS || LISTEN_FDS === "0") return undefined;
  if (LISTEN_FDS !== "1") throw new Error(`Cannot listen: ${LISTEN_FDS} sockets were handed over, and one is needed`);
  return new Descriptor(FIRST_PASSED);
}

function listen(undo: DisposableStack, path: string): Descriptor {
  makeDirectories(dirname(path), 0o700);
  removeStale(path);
  const listener = listenUnix(path, 0o660);
  undo.defer(() => rmSync(path, { force: true }));
  return listener;
}

/** What a daemon left that was killed; @throws Error when one is there. */
function removeStale(path: string): void {
  try {
    using _connection = connectUnix(path);
  } catch (error) {
    if (!["ENOENT", "ECONNREFUSED"].includes((error as SystemError).code)) throw error;
    rmSync(path, { force: true });
    return;
  }
  throw new Error(`Cannot listen at ${path}: a daemon does already`);
}

/** What nobody reads is no reason to wait, nor to end. */
function log(text: string): void {
  try {
    writeSync(2, `${text}\n`);
  } catch {}
}
