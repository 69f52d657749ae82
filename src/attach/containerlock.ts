import { lockPassingFile } from "../linux/lock.ts";
import type { NetworkStack } from "./stack.ts";
import { lockPath } from "./state.ts";

/**
 * Keeps other calls out that would change the same of a container: its rules, its tables. Not by locking the namespace
 * itself, as the Go suite does: that, processes in the container can do as well, and never let go.
 */
export function lockContainer({ namespace }: NetworkStack): Disposable {
  return lockPassingFile(lockPath(`container-${namespace.id}`));
}
