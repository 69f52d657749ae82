import { readSync } from "node:fs";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import { isObject } from "../../src/cni/json.ts";
import { readErrorObject } from "../../src/cni/report.ts";
import { setReceiveTimeout } from "../../src/linux/descriptor.ts";
import { SystemError } from "../../src/linux/libc.ts";
import { writeAll } from "../../src/linux/stdio.ts";
import { connectUnix } from "../../src/linux/unixsocket.ts";
import { type Answer, type Request, SIGN_OF_LIFE_MS } from "./wire.ts";

/** The daemon gave no answer. */
export class NoAnswerError extends CniError {
  /** Whether there is a daemon. */
  readonly connected: boolean;

  constructor(message: string, { connected, ...options }: { connected: boolean; cause: unknown; details?: string }) {
    super(ErrorCode.tryAgainLater, message, options);
    this.connected = connected;
  }
}

/** Signs of life that may be missing from a daemon on a busy node. */
const PATIENCE_MS = 5 * SIGN_OF_LIFE_MS;

/**
 * Asks the daemon, and waits for as long as it shows that it is at work.
 *
 * @throws CniError of the daemon; NoAnswerError (tryAgainLater) when there is none, or it does not answer.
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
    throw new NoAnswerError(`Cannot ask the DHCP daemon at ${socket}`, { connected: true, cause });
  }
}

function connect(socket: string) {
  try {
    return connectUnix(socket);
  } catch (cause) {
    if (!(cause instanceof SystemError)) throw cause;
    throw new NoAnswerError(`Cannot reach the DHCP daemon at ${socket}`, {
      connected: false,
      cause,
      details: "dhcp daemon must run on the node",
    });
  }
}

function readAnswer(fd: number): string {
  for (let received = Buffer.alloc(0); ; ) {
    const chunk = Buffer.allocUnsafe(65_536);
    const length = readSome(fd, chunk);
    if (length === 0) throw new Error("it ended without an answer");
    received = Buffer.concat([received, chunk.subarray(0, length)]);
    const text = received.at(-1) === NEWLINE ? received.toString().trim() : "";
    if (text !== "") return text;
  }
}

const NEWLINE = 10;

function readSome(fd: number, chunk: Buffer): number {
  try {
    return readSync(fd, chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") throw new Error("it does not answer");
    throw error;
  }
}
