import { statSync } from "node:fs";
import type { Env } from "./environment.ts";
import { CniError, ErrorCode } from "./error.ts";

/**
 * Refuses CNI_NETNS where it is the namespace that the plugin itself runs in: when a container is gone and its PID is
 * taken by another process, `/proc/<pid>/ns/net` may well be the host's, and its interfaces would be changed.
 *
 * A namespace that cannot be looked at passes: each plugin has its own answer to one that is gone.
 *
 * @throws CniError (invalidNamespace), unless CNI_NETNS_OVERRIDE is set.
 */
export function checkForeignNamespace(env: Env): void {
  const netns = env["CNI_NETNS"];
  if (!netns || ["1", "true"].includes((env["CNI_NETNS_OVERRIDE"] ?? "").toLowerCase())) return;
  const ours = ownNamespace();
  const theirs = identity(netns);
  if (theirs?.dev !== ours.dev || theirs.ino !== ours.ino) return;
  throw new CniError(ErrorCode.invalidNamespace, "plugin's netns and netns from CNI_NETNS should not be the same", {
    details: `CNI_NETNS=${netns}; CNI_NETNS_OVERRIDE=1 allows it`,
  });
}

function identity(path: string) {
  try {
    return statSync(path, { bigint: true });
  } catch {
    return undefined;
  }
}

function ownNamespace() {
  try {
    return statSync("/proc/thread-self/ns/net", { bigint: true });
  } catch (error) {
    throw new CniError(ErrorCode.invalidNamespace, "get plugin's netns failed", { cause: error });
  }
}
