// Takes out of Node.js' executable what every start does and a short process has no use for. Each change is found by the name
// of a function that Node.js exports; where it is not as expected, the build fails.
import { writeFileSync } from "node:fs";
import { execaSync } from "execa";
import { type Executable, readExecutable } from "./elf.ts";

/** Functions without a result that are not to do anything. */
const idle = [
  // v8::CpuProfiler::UseDetailedSourcePositionsForProfiling(): goes over the whole heap.
  "_ZN2v811CpuProfiler38UseDetailedSourcePositionsForProfilingEPNS_7IsolateE",
  // node::Metadata::Versions::InitializeIntlVersions(): opens ICU's data for its version.
  "_ZN4node8Metadata8Versions22InitializeIntlVersionsEv",
  // node::crypto::InitCryptoOnce(): OpenSSL makes itself ready when it is used.
  "_ZN4node6crypto14InitCryptoOnceEv",
];

/** absl::SetMutexDeadlockDetectionMode(): one store to the variable that decides. */
const deadlockSetter = "_ZN4absl29SetMutexDeadlockDetectionModeENS_15OnDeadlockCycleE";

/** Changes the file `node`, which is to run under `options`. */
export function hasten(node: string, options: readonly string[]): void {
  const executable = readExecutable(node);
  const { image, offsetOf, functionOf } = executable;
  adoptCodeCaches(image, codeCacheHeader(node, []), codeCacheHeader(node, options));
  for (const name of idle) image[offsetOf(functionOf(name).address)] = ret;
  ignoreDeadlocks(executable);
  writeFileSync(node, image);
}

/** The x86-64 instruction that returns. */
const ret = 0xc3;

/**
 * Node.js is built with Abseil's mutexes looking for deadlocks, which is meant for debugging: a table of a megabyte, and
 * work at every lock.
 */
function ignoreDeadlocks({ image, offsetOf, functionOf }: Executable): void {
  const { address } = functionOf(deadlockSetter);
  // push %rbp; mov %rsp,%rbp; mov %edi,DISTANCE(%rip); and the variable is that far behind its end.
  const code = image.subarray(offsetOf(address), offsetOf(address) + 10);
  const expected = Buffer.from("554889e5893d", "hex");
  const variable = offsetOf(address + code.length + code.readInt32LE(expected.length));
  // 0 ignores cycles, 1 reports them, 2 aborts.
  if (!code.subarray(0, expected.length).equals(expected) || image.readUInt32LE(variable) > 2) {
    throw new Error("Cannot switch off Node.js' deadlock detection: it is of another form");
  }
  image.writeUInt32LE(0, variable);
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
