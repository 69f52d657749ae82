import { call, SystemError } from "./libc.ts";

/** POLL* of poll(2). An error or the other end's leaving counts as every event: what is done next meets it. */
export const PollEvent = { in: 1, out: 4 } as const;

/** `struct pollfd`. */
const ENTRY = 8;

/**
 * Waits until one of the descriptors is ready.
 *
 * @param milliseconds the longest wait; -1: without end.
 * @returns those that are ready; none when the time is over or a signal came.
 */
export function poll(fds: readonly number[], events: number, milliseconds = -1): number[] {
  const entries = Buffer.alloc(ENTRY * fds.length);
  for (const [i, fd] of fds.entries()) {
    entries.writeInt32LE(fd, ENTRY * i);
    entries.writeInt16LE(events, ENTRY * i + 4);
  }
  try {
    call("poll", entries, BigInt(fds.length), milliseconds);
  } catch (error) {
    if (error instanceof SystemError && error.code === "EINTR") return [];
    throw error;
  }
  return fds.filter((_, i) => entries.readInt16LE(ENTRY * i + 6) !== 0);
}
