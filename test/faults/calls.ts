import { readFileSync } from "node:fs";

/** What the kinds of system calls that a plugin makes can fail with, though nothing is wrong with the plugin. */
export const errors: Readonly<Record<string, string>> = {
  socket: "EMFILE",
  bind: "ENOBUFS",
  setsockopt: "ENOBUFS",
  write: "ENOBUFS",
  pwrite64: "ENOSPC",
  sendto: "ENOBUFS",
  sendmsg: "ENOBUFS",
  read: "EIO",
  pread64: "EIO",
  recvfrom: "ENOBUFS",
  recvmsg: "ENOBUFS",
  openat: "EMFILE",
  flock: "ENOLCK",
  link: "ENOSPC",
  linkat: "ENOSPC",
  rename: "ENOSPC",
  renameat: "ENOSPC",
  renameat2: "ENOSPC",
  unlink: "EIO",
  unlinkat: "EIO",
  mkdir: "ENOSPC",
  mkdirat: "ENOSPC",
  rmdir: "EIO",
  setns: "EPERM",
  getdents64: "EIO",
  statx: "EIO",
  newfstatat: "EIO",
  lstat: "EIO",
  fsync: "EIO",
  ftruncate: "ENOSPC",
  ioctl: "EPERM",
};

/** The N-th call of a kind in a thread. */
export interface SystemCall {
  readonly kind: string;
  readonly ordinal: number;
}

/** Seconds. Who hangs is ended, with all that it started: strace alone would leave them. */
const longestCall = "45";

/** strace follows the threads of a Go program, which change from call to call; what Berth does, its first thread does. */
function strace(isThreaded: boolean, output: string): string[] {
  return [
    "timeout",
    "--signal=KILL",
    longestCall,
    "strace",
    ...(isThreaded ? ["-f", "--seccomp-bpf"] : []),
    "-o",
    output,
  ];
}

export function tracing(isThreaded: boolean, output: string): string[] {
  return [...strace(isThreaded, output), "-e", `trace=${Object.keys(errors).join(",")}`];
}

/** @param what happens instead of the call: `error=EIO`, or before it: `signal=KILL`. */
export function injecting(isThreaded: boolean, output: string, { kind, ordinal }: SystemCall, what: string): string[] {
  return [...strace(isThreaded, output), "-e", `trace=${kind}`, "-e", `inject=${kind}:${what}:when=${ordinal}`];
}

/**
 * The calls that strace recorded from the first read of standard input on: what is before it is the language's own
 * start.
 */
export function readCalls(file: string): SystemCall[] {
  const counts = new Map<string, number>();
  const calls = new Map<string, SystemCall>();
  let hasBegun = false;
  for (const line of readFileSync(file, "latin1").split("\n")) {
    const [, thread = "", kind = "", descriptor] = /^(\d+ +)?(\w+)\((\w+)/.exec(line) ?? [];
    if (!(kind in errors)) continue;
    const ordinal = (counts.get(thread + kind) ?? 0) + 1;
    counts.set(thread + kind, ordinal);
    hasBegun ||= kind === "read" && descriptor === "0";
    if (hasBegun && !isLeftOut(line)) calls.set(`${kind} ${ordinal}`, { kind, ordinal });
  }
  return [...calls.values()];
}

/** Whether the call that failed in a run is one of those that are left out: threads' calls come in no fixed order. */
export function failedOther(file: string): boolean {
  const failed = readFileSync(file, "latin1")
    .split("\n")
    .filter((line) => line.includes("(INJECTED)"));
  return failed.some(isLeftOut);
}

/**
 * The answer: the caller cannot be told whether writing it failed. And the event counter by which Node.js wakes its
 * threads: it ends with a signal where it cannot.
 */
function isLeftOut(line: string): boolean {
  return /\bwrite\([12],/.test(line) || line.includes(String.raw`"\1\0\0\0\0\0\0\0", 8)`);
}
