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
