import { constants, openSync } from "node:fs";
import { Descriptor } from "./descriptor.ts";
import { call } from "./libc.ts";

const LOCK_EX = 2;

/**
 * Waits for the exclusive lock (flock) of the file at `path`, which is made if it is not there, and holds it until
 * disposed. The kernel serves waiters in the order of their arrival and frees the lock of a process that died.
 */
export function lockFile(path: string, mode = 0o750): Disposable {
  const { O_CREAT, O_RDONLY, O_NOFOLLOW } = constants;
  const file = new Descriptor(openSync(path, O_CREAT | O_RDONLY | O_NOFOLLOW, mode));
  try {
    call("flock", file.fd, LOCK_EX);
  } catch (error) {
    file[Symbol.dispose]();
    throw error;
  }
  return file;
}
