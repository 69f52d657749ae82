import { constants, fstatSync, openSync, unlinkSync } from "node:fs";
import { Descriptor } from "./descriptor.ts";
import { call, SystemError } from "./libc.ts";

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;

/**
 * Waits for the exclusive lock (flock) of the file at `path`, which is made if it is not there, and holds it until
 * disposed. The kernel serves waiters in the order of their arrival and frees the lock of a process that died.
 */
export function lockFile(path: string, mode = 0o600): Disposable {
  return lock(path, mode, LOCK_EX);
}

/** As {@link lockFile}, of a file that is there only while somebody holds the lock or waits for it. */
export function lockPassingFile(path: string): Disposable {
  const lock = lockFile(path);
  return {
    [Symbol.dispose]() {
      using _lock = lock;
      try {
        // Whoever waits for it finds that it is gone, and makes another.
        unlinkSync(path);
      } catch {
        // A lock file too many is no reason to take back what was done under it.
      }
    },
  };
}

/** Waits for a shared lock: many may hold it at once, none while one holds the exclusive lock. */
export function shareFile(path: string, mode = 0o600): Disposable {
  return lock(path, mode, LOCK_SH);
}

/** The exclusive lock, or undefined when somebody holds any lock of the file. */
export function tryLockFile(path: string, mode = 0o600): Disposable | undefined {
  try {
    return lock(path, mode, LOCK_EX | LOCK_NB);
  } catch (error) {
    if (error instanceof SystemError && error.code === "EAGAIN") return undefined;
    throw error;
  }
}

function lock(path: string, mode: number, operation: number): Disposable {
  const { O_CREAT, O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  for (;;) {
    using undo = new DisposableStack();
    const file = undo.use(new Descriptor(openSync(path, O_CREAT | O_RDONLY | O_NOFOLLOW | O_NONBLOCK, mode)));
    call("flock", file.fd, operation);
    // Removed while this waited for it: it keeps nobody out who comes now.
    if (fstatSync(file.fd).nlink === 0) continue;
    undo.move();
    return file;
  }
}
