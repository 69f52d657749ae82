import { resolve } from "node:path";
import type { Env } from "../../src/cni/environment.ts";

/** What a command works with: nothing of the process but this. */
export interface Tool {
  readonly env: Env;
  /** Directory that relative paths are meant from. */
  readonly directory: string;
  /** Writes to standard output as it is. */
  readonly print: (text: string) => void;
  /** Writes a line to standard error. */
  readonly warn: (text: string) => void;
  /** Standard input, whole. */
  readonly input: () => Uint8Array;
}

/** A path given by the user, made absolute. */
export function absolute(tool: Tool, path: string): string {
  return resolve(tool.directory, path);
}
