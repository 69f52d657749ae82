import { readSync, writeSync } from "node:fs";
import { call, SystemError } from "./libc.ts";

/** Reads a descriptor to its end. */
export function readToEnd(fd: number): Uint8Array {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = Buffer.allocUnsafe(65_536);
    const length = whenReady(fd, POLLIN, () => readSync(fd, chunk));
    if (length === 0) return Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, length));
  }
}

/** Writes the whole text: a pipe may take less than all at once. */
export function writeAll(fd: number, text: string): void {
  for (let rest = Buffer.from(text); rest.length > 0; ) {
    const bytes = rest;
    rest = rest.subarray(whenReady(fd, POLLOUT, () => writeSync(fd, bytes)));
  }
}

const POLLIN = 1;
const POLLOUT = 4;

/** Whoever holds the other end of a pipe may have made it non-blocking, as Node.js does: then it is waited for here. */
function whenReady(fd: number, events: number, transfer: () => number): number {
  for (;;) {
    try {
      return transfer();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      waitFor(fd, events);
    }
  }
}

function waitFor(fd: number, events: number): void {
  const pollfd = Buffer.alloc(8);
  pollfd.writeInt32LE(fd);
  pollfd.writeInt16LE(events, 4);
  try {
    call("poll", pollfd, 1n, -1);
  } catch (error) {
    if (!(error instanceof SystemError && error.code === "EINTR")) throw error;
  }
}
