import { copyFileSync, globSync, mkdirSync, realpathSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import pkg from "@yao-pkg/pkg/lib-es5/sea.js";
import { execaSync } from "execa";
import { options, preparedNode } from "./node.ts";

/** Where an executable looks for the libraries that travel with it: beside itself, and where install.sh puts them. */
export const libraryFolder = ".berth-lib";
const searchPath = [`$ORIGIN/${libraryFolder}`, `/opt/cni/bin/${libraryFolder}`];

/** What Node.js needs beyond the C library. */
const travelling = ["libstdc++.so.6", "libgcc_s.so.1", "libatomic.so.1"];

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
    // Made under the packer's own flags, V8 would refuse it.
    useCodeCache: false,
    execArgv: options,
    // A container runtime's NODE_OPTIONS are not for us.
    execArgvExtension: "none",
    assets,
  };
  try {
    await pkg.default(script, {
      nodePath: preparedNode(),
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
