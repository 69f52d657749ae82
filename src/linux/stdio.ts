import { readSync, writeSync } from "node:fs";
import { maxFileLength } from "./file.ts";
import { PollEvent, poll } from "./poll.ts";

/**
 * Reads a descriptor to its end.
 *
 * @param wait is called before each read.
 * @throws an Error when there is more than {@link maxFileLength}: it may never end.
 */
export function readToEnd(fd: number, wait: () => void = () => {}): Uint8Array {
  const buffer = Buffer.allocUnsafe(65_536);
  const chunks: Uint8Array[] = [];
  for (let total = 0; total <= maxFileLength; ) {
    wait();
    const length = whenReady(fd, PollEvent.in, () => readSync(fd, buffer));
    if (length === 0) return Buffer.concat(chunks, total);
    // A copy of as many bytes: a pipe may give one at a time.
    chunks.push(Buffer.from(buffer.subarray(0, length)));
    total += length;
  }
  throw new Error(`Cannot read the input: more than ${maxFileLength} bytes`);
}

/** Writes the whole text: a pipe may take less than all at once. */
export function writeAll(fd: number, text: string): void {
  for (let rest = Buffer.from(text); rest.length > 0; ) {
    const bytes = rest;
    rest = rest.subarray(whenReady(fd, PollEvent.out, () => writeSync(fd, bytes)));
  }
}

/** Whoever holds the other end of a pipe may have made it non-blocking, as Node.js does: then it is waited for here. */
function whenReady(fd: number, events: number, transfer: () => number): number {
  for (;;) {
    try {
      return transfer();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      poll([fd], events);
    }
  }
}
