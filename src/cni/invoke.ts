import type { Env } from "./environment.ts";
import { execute, type Outcome } from "./execute.ts";
import type { Network } from "./plugin.ts";
import { runPlugin } from "./run.ts";

export interface Invocation {
  readonly env: Env;
  readonly stdin: Uint8Array;
  readonly inProcess?: Network["inProcess"] | undefined;
  /** Milliseconds after which a process is killed; absent: never. */
  readonly timeout?: number | undefined;
}

/**
 * Calls the plugin that `executable` is: in process where `inProcess` knows it, else as a process. The outcome is the
 * same.
 */
export function invoke(executable: string, { env, stdin, inProcess, timeout }: Invocation): Outcome {
  const plugin = inProcess?.(executable);
  if (plugin === undefined || inProcess === undefined) return execute(executable, env, stdin, timeout);
  const { status, ...output } = runPlugin(plugin, { env, stdin: () => stdin, inProcess });
  return { ...output, failure: status === 0 ? undefined : `exit status ${status}` };
}
