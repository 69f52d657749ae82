// The executable: one file under the names of all plugins, of which it is the one that it is called by.
import { statSync } from "node:fs";
import { basename } from "node:path";
import { suiteVersion } from "../src/cni/about.ts";
import type { AnyPlugin } from "../src/cni/plugin.ts";
import { type Response, runPlugin } from "../src/cni/run.ts";
import { readToEnd, writeAll } from "../src/linux/stdio.ts";
import { plugins } from "./plugins.ts";
import { tools } from "./tools.ts";

const { status, stdout, stderr } = run(basename(process.argv0), process.argv.slice(2));
writeAll(2, stderr);
writeAll(1, stdout);
process.exit(status);

function run(name: string, args: readonly string[]): Response {
  const tool = tools[name]?.();
  if (tool !== undefined) return { status: tool(args, process.env), stdout: "", stderr: "" };
  const plugin = plugins[name]?.();
  if (plugin === undefined) return { status: 1, stdout: "", stderr: unknownText(name) };
  if (args.includes("--version")) return { status: 0, stdout: `${name} ${suiteVersion}\n`, stderr: "" };
  if (args.includes("--help")) return { status: 0, stdout: helpText(plugin), stderr: "" };
  return runPlugin(plugin, { env: process.env, stdin: () => readToEnd(0), inProcess });
}

/** A delegate is called in process when its executable is this very file, under whatever path. */
function inProcess(executable: string): AnyPlugin | undefined {
  const [own, other] = ["/proc/self/exe", executable].map((path) => statSync(path, { bigint: true }));
  if (own?.ino !== other?.ino || own?.dev !== other?.dev) return undefined;
  return plugins[basename(executable)]?.();
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
