// What the executable evaluates first. To compile what an ADD calls takes longer than all its work, so a code cache for each
// name, recorded by real calls when the executable was built (build/record.ts), travels along.
import { getRawAsset } from "node:sea";
import { compileScript, exit, runScript } from "./script.ts";

const { argv, argv0, env, versions } = process;
const name = argv0.slice(argv0.lastIndexOf("/") + 1);
const script = compileScript(Buffer.from(getRawAsset("bundle")).toString("latin1"), readCodeCache());
const { main } = runScript(script, require);
const cache = script.cachedDataRejected === false ? "with" : "without";
const about = `Node.js ${versions.node}, ${cache} code cache`;
exit(main({ name, args: argv.slice(2), env, executable: "/proc/self/exe", about }));

function readCodeCache(): Uint8Array | undefined {
  try {
    return Buffer.from(getRawAsset(name));
  } catch {
    return undefined; // called by a name that it does not know
  }
}
