import { readFileSync, readlinkSync, statSync } from "node:fs";
import { basename } from "node:path";
import type { Env } from "../../src/cni/environment.ts";
import type { Descriptor } from "../../src/linux/descriptor.ts";
import { ProcessDescriptor, peerProcess } from "../../src/linux/process.ts";

/** A plugin's process that waits for an answer, with what it was called with. */
export interface Caller extends Disposable {
  /** The name that it was called by. */
  readonly name: string;
  readonly args: readonly string[];
  readonly env: Env;
  /** Its working directory, by a path that leads there as long as the process lives. */
  readonly directory: string;
  readonly stdin: Descriptor;
  readonly stdout: Descriptor;
  readonly stderr: Descriptor;
}

/** Why a call is left to the process that it came to. */
export class NotOurs extends Error {
  override readonly name = "NotOurs";
}

/** What a process is, as text by aspect. Two that agree would do the same, to the same things. */
export type Standing = ReadonlyMap<string, string>;

/** Of /proc/<pid>: by these a process finds its program, files, interfaces and other processes, and may change them. */
const places = ["exe", "root", "ns/mnt", "ns/net", "ns/pid", "ns/user"];
const rights = /^(Umask|Uid|Gid|CapEff|CapBnd):\s*(.*)$/gm;

/** Paths by which a process means what it has open itself (proc(5)). */
const ownFiles = /\/proc\/(thread-)?self\/fd|\/dev\/(fd|std(in|out|err))/;

/** @throws the errors of `node:fs`, as ENOENT when the process is over. */
export function standingOf(process: number | "self"): Standing {
  const standing = new Map<string, string>();
  for (const place of places) {
    const { dev, ino } = statSync(`/proc/${process}/${place}`, { bigint: true });
    standing.set(place, `${dev}:${ino}`);
  }
  // Two mounts may show the same directory.
  standing.set("root's path", readlinkSync(`/proc/${process}/root`));
  const status = readFileSync(`/proc/${process}/status`, "latin1");
  for (const [, name = "", value = ""] of status.matchAll(rights)) standing.set(name, value);
  return standing;
}

/**
 * Takes from the process at the other end of a connection what it would have used itself. Nothing has been read of its
 * input then.
 *
 * @throws NotOurs when its own answer would be another than this process's; the errors of the kernel when it has ended.
 */
export function readCaller(connection: Descriptor, own: Standing): Caller {
  const pid = peerProcess(connection);
  if (pid === 0) throw new NotOurs("it is in a PID namespace that is not to be seen from here");
  using process = ProcessDescriptor.open(pid);
  for (const [aspect, value] of standingOf(pid)) {
    if (own.get(aspect) !== value) throw new NotOurs(`its ${aspect} is not the agent's`);
  }
  const [name = "", ...args] = readList(`/proc/${pid}/cmdline`);
  using taken = new DisposableStack();
  const [stdin, stdout, stderr] = [0, 1, 2].map((fd) => taken.use(process.duplicate(fd))) as [
    Descriptor,
    Descriptor,
    Descriptor,
  ];
  const env = readEnvironment(pid);
  if (ownFiles.test(`${env["CNI_NETNS"]}:${env["CNI_PATH"]}`))
    throw new NotOurs("it was given a path to what it has open");
  const directory = `/proc/${pid}/cwd`;
  const all = taken.move();
  return { name: basename(name), args, env, directory, stdin, stdout, stderr, [Symbol.dispose]: () => all.dispose() };
}

function readEnvironment(pid: number): Env {
  const entries = readList(`/proc/${pid}/environ`).flatMap((text) => {
    const end = text.indexOf("=");
    return end < 0 ? [] : [[text.slice(0, end), text.slice(end + 1)] as const];
  });
  // Of two with one name getenv(3) finds the first.
  return Object.fromEntries(entries.toReversed());
}

/** Strings that each end with a NUL. */
function readList(path: string): string[] {
  return readFileSync(path, "utf8").split("\0").slice(0, -1);
}
