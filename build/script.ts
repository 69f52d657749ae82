import { Script } from "node:vm";
import type * as entry from "../cmd/berth.ts";

/** The bundle of cmd/berth.ts as V8 has compiled it: lazily, but for what the code cache holds. */
export function compileScript(bundle: string, codeCache: Uint8Array | undefined): Script {
  return new Script(bundle, { filename: "berth.cjs", ...(codeCache && { cachedData: codeCache }) });
}

export function runScript(script: Script, require: NodeJS.Require): typeof entry {
  const module = { exports: {} };
  script.runInThisContext()(module, require);
  return module.exports as typeof entry;
}

/** Ends the process at once: Node.js's own way out takes down V8's heap first, piece by piece. */
export function exit(status: number): never {
  return (process as unknown as { reallyExit(status: number): never }).reallyExit(status);
}
