// What the executable evaluates first. To compile what an ADD calls takes longer than all its work, so a code cache for each
// name, recorded by real calls when the executable was built (build/record.ts), travels along.
import { getRawAsset } from "node:sea";
import { compileScript, runScript } from "./script.ts";

const { argv, argv0, env, versions } = process;
const name = argv0.slice(argv0.lastIndexOf("/") + 1);
// By a name that it does not know, it can still say which names it knows.
const bundle = readAsset(`${name}.cjs`) ?? Buffer.from(getRawAsset("cnitool.cjs"));
const script = compileScript(bundle.toString("latin1"), readCodeCache());
const { main, exit } = runScript(script, require);
const cache = script.cachedDataRejected === false ? "with" : "without";
const about = `Node.js ${versions.node}, ${cache} code cache`;
const status = main({ name, args: argv.slice(2), env, executable: "/proc/self/exe", about });
if (typeof status === "number") exit(status);
else void status.then(exit);

function readCodeCache(): Uint8Array | undefined {
  const codeCache = readAsset(name);
  // It was moved to where V8 reads it in place (build/codecache.ts).
  return codeCache?.subarray(codeCache.findIndex((byte) => byte !== 0));
}

function readAsset(key: string): Buffer | undefined {
  try {
    return Buffer.from(getRawAsset(key));
  } catch {
    return undefined;
  }
}
