import type { Env } from "./environment.ts";
import { CniError, ErrorCode } from "./error.ts";
import { parseJson } from "./json.ts";
import { readErrorObject } from "./report.ts";

/** What a plugin's process left behind; `failure` says how it ended if not with status 0. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  /** `exit status 1`, `signal: killed`, `fork/exec /opt/cni/bin/x: EACCES`. */
  readonly failure?: string | undefined;
}

/**
 * Runs the executable of a plugin to its end.
 *
 * @param timeout milliseconds after which it is killed; 0: never.
 */
export function execute(executable: string, env: Env, stdin: Uint8Array, timeout = 0): Outcome {
  // child_process takes 3 to 12 ms to load, so it is loaded where it is needed only.
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  for (let attempt = 1; ; attempt++) {
    const child = spawnSync(executable, [], {
      env: env as NodeJS.ProcessEnv,
      input: stdin,
      timeout,
      killSignal: "SIGKILL",
      maxBuffer: 64 << 20,
    });
    const errno = (child.error as NodeJS.ErrnoException | undefined)?.code;
    // An executable that is being replaced is open for writing for a moment.
    if (errno === "ETXTBSY" && attempt < 6) {
      sleep(1000);
      continue;
    }
    const [stdout, stderr] = [child.stdout, child.stderr].map((output) => output?.toString() ?? "");
    return {
      stdout: stdout ?? "",
      stderr: stderr ?? "",
      failure: failureOf(executable, child.status, child.signal, errno),
    };
  }
}

/**
 * Standard output of a plugin that succeeded.
 *
 * @throws CniError with what the plugin said, or, where it said nothing intelligible, what the Go library says of that.
 */
export function succeeded({ stdout, stderr, failure }: Outcome): string {
  if (failure === undefined) return stdout;
  if (stdout === "") {
    const text =
      stderr === "" ? "netplugin failed with no error message" : `netplugin failed: ${JSON.stringify(stderr)}`;
    throw new CniError(ErrorCode.unknown, `${text}: ${failure}`);
  }
  throw diagnosis(stdout);
}

function diagnosis(stdout: string): CniError {
  const unintelligible = (reason: unknown) =>
    new CniError(
      ErrorCode.unknown,
      `netplugin failed but error parsing its diagnostic message ${JSON.stringify(stdout)}: ${reason}`,
    );
  try {
    return readErrorObject(parseJson(stdout)) ?? unintelligible("not an error object");
  } catch (error) {
    return unintelligible(error instanceof Error ? error.message : error);
  }
}

function failureOf(
  executable: string,
  status: number | null,
  signal: string | null,
  errno?: string,
): string | undefined {
  if (status === 0) return undefined;
  if (status !== null) return `exit status ${status}`;
  return signal === null ? `fork/exec ${executable}: ${errno}` : `signal: ${signalTexts[signal] ?? signal}`;
}

/** strsignal(3) for what ends plugins in practice, as Go prints it. */
const signalTexts: Readonly<Record<string, string>> = {
  SIGABRT: "aborted",
  SIGKILL: "killed",
  SIGSEGV: "segmentation fault",
  SIGTERM: "terminated",
};

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
