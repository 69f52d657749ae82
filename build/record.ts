// Stands in for a plugin's executable while build/record.sh attaches the sample networks: it does what the plugin does, and
// adds what V8 compiled for that to the plugin's code cache. With RECORD_AS it is another name's bundle that does it.
//
// usage: node FLAGS record.cjs BUNDLES DIRECTORY EXECUTABLE [ARGUMENT...]
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { compileScript, runScript } from "./script.ts";

const [, , bundles = "", directory = "", executable = "", ...args] = process.argv;
const name = basename(executable);
// cnitool calls the others; it is no plugin.
const recorded = (name !== "cnitool" && process.env["RECORD_AS"]) || name;
const file = `${directory}/${recorded}`;
const script = compileScript(
  readFileSync(`${bundles}/${recorded}.cjs`, "latin1"),
  existsSync(file) ? readFileSync(file) : undefined,
);
const { main } = runScript(script, require);
const status = main({ name, args, env: process.env, executable, about: "recording" });
writeFileSync(file, script.createCachedData());
if (typeof status === "number") process.exit(status);
