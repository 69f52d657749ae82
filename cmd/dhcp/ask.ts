import { readSync } from "node:fs";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import { isObject } from "../../src/cni/json.ts";
import { readErrorObject } from "../../src/cni/report.ts";
import { setReceiveTimeout } from "../../src/linux/descriptor.ts";
import { SystemError } from "../../src/linux/libc.ts";
import { writeAll } from "../../src/linux/stdio.ts";
import { connectUnix } from "../../src/linux/unixsocket.ts";
import { type Answer, type Request, SIGN_OF_LIFE_MS } from "./wire.ts";

/** No daemon listens. */
export class NoDaemonError extends CniError {}

/** Signs of life that may be missing from a daemon on a busy node. */
const PATIENCE_MS = 5 * SIGN_OF_LIFE_MS;

/**
 * Asks the daemon, and waits for as long as it shows that it is at work.
 *
 * @throws CniError of the daemon; NoDaemonError (tryAgainLater) when there is none.
 */
export function askDaemon(socket: string, request: Request): Answer {
  using connection = connect(socket);
  setReceiveTimeout(connection, PATIENCE_MS);
  try {
    writeAll(connection.fd, `${JSON.stringify(request)}\n`);
    const answer: unknown = JSON.parse(readAnswer(connection.fd));
    const error = isObject(answer) ? readErrorObject(answer["error"]) : undefined;
    if (error !== undefined) throw error;
    return answer as Answer;
  } catch (cause) {
    if (cause instanceof CniError) throw cause;
    throw new CniError(ErrorCode.tryAgainLater, `Cannot ask the DHCP daemon at ${socket}`, { cause });
  }
}

function connect(socket: string) {
  try {
    return connectUnix(socket);
  } catch (cause) {
    if (!(cause instanceof SystemError)) throw cause;
    throw new NoDaemonError(ErrorCode.tryAgainLater, `Cannot reach the DHCP daemon at ${socket}`, {
      cause,
      details: "dhcp daemon must run on the node",
    });
  }
}

function readAnswer(fd: number): string {
  for (let received = ""; ; ) {
    const chunk = Buffer.allocUnsafe(65_536);
    const length = readSome(fd, chunk);
    if (length === 0) throw new Error("it ended without an answer");
    received = (received + chunk.toString("utf8", 0, length)).trimStart();
    if (received.endsWith("\n")) return received;
  }
}

function readSome(fd: number, chunk: Buffer): number {
  try {
    return readSync(fd, chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") throw new Error("it does not answer");
    throw error;
  }
}
