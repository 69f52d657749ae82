import { unlinkSync } from "node:fs";
import { lockFile } from "../linux/lock.ts";
import type { NetworkStack } from "./stack.ts";
import { lockPath } from "./state.ts";

/**
 * Keeps other calls out that would change the same of a container: its rules, its tables. Not by locking the namespace
 * itself, as the Go suite does: that, processes in the container can do as well, and never let go.
 */
export function lockContainer({ namespace }: NetworkStack): Disposable {
  const path = lockPath(`container-${namespace.id}`);
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
