import { renameSync, rmSync } from "node:fs";
import pkg from "@yao-pkg/pkg/lib-es5/sea.js";
import { execaSync } from "execa";
import { insertHandover } from "./handover.ts";
import { options, preparedNode } from "./node.ts";

/** Where an executable looks for the libraries that travel with it: beside itself, and where install.sh puts them. */
export const libraryFolder = ".berth-lib";
const searchPath = [`$ORIGIN/${libraryFolder}`, `/opt/cni/bin/${libraryFolder}`];

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
    insertHandover(unfinished);
    renameSync(unfinished, output);
  } finally {
    rmSync(unfinished, { force: true });
  }
}
