// The executable: one file under the names of all plugins, of which it is the one that it is called by.
import { suiteVersion } from "../src/cni/about.ts";
import type { AnyPlugin } from "../src/cni/plugin.ts";
import type { Response } from "../src/cni/run.ts";
import { readToEnd, writeAll } from "../src/linux/stdio.ts";
import { plugins } from "./plugins.ts";
import { servePlugin } from "./serve.ts";
import { commands, tools } from "./tools.ts";

export { exit } from "../src/linux/libc.ts";

/** What a process is called with, its standard input apart. */
export interface Call {
  /** The name that the executable was called by, without its directory. */
  readonly name: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** The executable itself: a delegate that is this very file is called in process. */
  readonly executable: string;
  /** What `--version` tells besides the version. */
  readonly about: string;
}

/** Serves this process's call, and gives its exit status, at once or when a daemon ends; all output has been written then. */
export function main(call: Call): number | Promise<number> {
  const tool = (tools[call.name] ?? commands[`${call.name} ${call.args[0]}`])?.();
  if (tool !== undefined) return tool(call.args, call.env, call.about);
  const { status, stdout, stderr } = serve(call);
  writeAll(2, stderr);
  writeAll(1, stdout);
  return status;
}

function serve({ name, args, env, executable, about }: Call): Response {
  const plugin = plugins[name]?.();
  if (plugin === undefined) return { status: 1, stdout: "", stderr: unknownText(name) };
  if (args.includes("--version")) return { status: 0, stdout: `${name} ${suiteVersion} (${about})\n`, stderr: "" };
  if (args.includes("--help")) return { status: 0, stdout: helpText(plugin), stderr: "" };
  return servePlugin(plugin, { env, stdin: () => readToEnd(0), executable });
}

function unknownText(name: string): string {
  const names = [...Object.keys(plugins), ...Object.keys(tools)].sort().join(", ");
  return `Cannot run as ${name}: call this file by one of the names ${names}\n`;
}

function helpText({ name, versions }: AnyPlugin): string {
  return `${name} is a CNI plugin of Berth ${suiteVersion}. Container runtimes call it: the request is in the variables
CNI_COMMAND (ADD, DEL, CHECK, GC, STATUS or VERSION), CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME, CNI_ARGS and CNI_PATH, the
network configuration on standard input, and the answer on standard output. To call it by hand, use cnitool.

CNI versions: ${versions.join(", ")}
`;
}
