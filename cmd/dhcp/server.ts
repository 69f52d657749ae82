import { readSync, writeSync } from "node:fs";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import { describeError } from "../../src/cni/report.ts";
import { NoLeaseError } from "../../src/dhcp/channel.ts";
import type { Descriptor } from "../../src/linux/descriptor.ts";
import type { SystemError } from "../../src/linux/libc.ts";
import { acceptUnix } from "../../src/linux/unixsocket.ts";
import type { Attachments } from "./attachments.ts";
import type { Daemon } from "./daemon.ts";
import { type Answer, LONGEST_LINE, type Request, readRequest, SIGN_OF_LIFE_MS } from "./wire.ts";

/** A caller that has not said within this what it wants never will. */
const REQUEST_TIMEOUT_MS = 10_000;
/** More than there are plugins at work on a node at once: others wait in the socket's queue. */
const MOST_CONNECTIONS = 256;

/** Serves those who connect, until `done` is aborted. */
export async function serve(daemon: Daemon, attachments: Attachments, listener: Descriptor, done: AbortSignal) {
  const open = new Set<Promise<void>>();
  for (;;) {
    if (open.size >= MOST_CONNECTIONS) await Promise.race(open);
    await daemon.loop.readable([listener.fd], Infinity, done);
    const connection = await tryAccept(daemon, listener);
    if (connection === undefined) continue;
    const served = serveConnection(daemon, attachments, connection)
      .catch((error) => daemon.log(`Cannot serve a request: ${error}`))
      .finally(() => open.delete(served));
    open.add(served);
  }
}

async function tryAccept(daemon: Daemon, listener: Descriptor): Promise<Descriptor | undefined> {
  try {
    return acceptUnix(listener);
  } catch (error) {
    // The caller went before its turn came.
    if ((error as SystemError).code === "EAGAIN") return undefined;
    daemon.log(`Cannot accept a connection: ${error}`);
    // Out of descriptors, mostly: the caller waits in the queue until others are done.
    await daemon.loop.sleep(daemon.clock.now() + 1000);
    return undefined;
  }
}

async function serveConnection(daemon: Daemon, attachments: Attachments, connection: Descriptor): Promise<void> {
  using _connection = connection;
  const line = await readLine(daemon, connection);
  if (line === undefined) return;
  const gone = new AbortController();
  const answered = new AbortController();
  void watch(daemon, connection, gone, answered.signal).catch(() => {});
  const answer = await answerTo(daemon, attachments, line, gone.signal);
  answered.abort();
  if (!gone.signal.aborted) writeSync(connection.fd, `${JSON.stringify(answer)}\n`);
}

async function answerTo(daemon: Daemon, attachments: Attachments, line: string, signal: AbortSignal): Promise<Answer> {
  try {
    const request = readRequest(line);
    if (request.verb !== "ADD") return await perform(attachments, request);
    const netns = daemon.hostPrefix + request.netns;
    return { result: await attachments.add({ ...request, netns }, signal) };
  } catch (error) {
    return { error: describeError(error instanceof NoLeaseError ? tryLater(error) : error, "1.1.0") };
  }
}

async function perform(attachments: Attachments, request: Exclude<Request, { verb: "ADD" }>): Promise<Answer> {
  if (request.verb === "DEL") await attachments.delete(request);
  if (request.verb === "CHECK") return { result: attachments.check(request) };
  if (request.verb === "GC") await attachments.collect(request.network, request.valid);
  return {};
}

function tryLater({ message, cause }: NoLeaseError): CniError {
  return new CniError(ErrorCode.tryAgainLater, message, { cause });
}

/** Tells a caller that waits that the daemon is at work; stops working for one that has gone. */
async function watch({ loop }: Daemon, { fd }: Descriptor, gone: AbortController, answered: AbortSignal) {
  while (!(await loop.readable([fd], Date.now() + SIGN_OF_LIFE_MS, answered))) {
    try {
      writeSync(fd, "\n");
    } catch {
      break;
    }
  }
  gone.abort(new Error("the plugin that asked has gone"));
}

async function readLine({ loop }: Daemon, { fd }: Descriptor): Promise<string | undefined> {
  const until = Date.now() + REQUEST_TIMEOUT_MS;
  let received = Buffer.alloc(0);
  while (received.length <= LONGEST_LINE && (await loop.readable([fd], until))) {
    const chunk = Buffer.allocUnsafe(65_536);
    const length = readSync(fd, chunk);
    if (length === 0) return undefined;
    received = Buffer.concat([received, chunk.subarray(0, length)]);
    const end = received.indexOf("\n");
    if (end >= 0) return received.toString("utf8", 0, end);
  }
  return undefined;
}
