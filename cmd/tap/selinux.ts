import { writeFileSync } from "node:fs";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import { createTap, type Tap } from "../../src/linux/tap.ts";

/** The context that the next program which this thread executes is to run in (proc_pid_attr(5)). */
const nextContext = "/proc/thread-self/attr/exec";

/**
 * Makes a tap device with the label of an SELinux context. The kernel gives it the context of the process that makes it
 * (selinux_tun_dev_alloc_security; `sockcreate` does not count), and a process with threads, as this is, cannot change
 * its own: so this executable is run once more, in that context and in the thread's network namespace.
 *
 * @throws CniError when the kernel has no SELinux, or does not allow that.
 */
export function createLabelled(tap: Tap, context: string): void {
  setNextContext(context, context);
  try {
    const { spawnSync } = process.getBuiltinModule("node:child_process");
    const { status, stderr, error } = spawnSync("/proc/self/exe", ["create", JSON.stringify(tap)], { argv0: "tap" });
    if (status === 0) return;
    throw refusal(context, error ?? new Error(stderr.toString().trim() || `exit status ${status}`));
  } finally {
    setNextContext("", context);
  }
}

/** What {@link createLabelled} runs: `tap create <JSON of a Tap>`. @returns the exit status. */
export function create(args: readonly string[]): number {
  try {
    createTap(JSON.parse(args[1] ?? "") as Tap);
    return 0;
  } catch (error) {
    writeFileSync(2, `${error instanceof Error ? error.message : error}\n`);
    return 1;
  }
}

function setNextContext(text: string, context: string): void {
  try {
    writeFileSync(nextContext, text);
  } catch (error) {
    throw refusal(context, error);
  }
}

function refusal(context: string, cause: unknown): CniError {
  return new CniError(ErrorCode.invalidConfig, `Cannot make a tap device in the SELinux context ${context}`, {
    details: `selinuxContext: found "${context}", allowed: a context that SELinux lets this process enter, or none where the kernel has no SELinux`,
    cause,
  });
}
