import { statSync } from "node:fs";
import { basename } from "node:path";
import type { Env } from "../src/cni/environment.ts";
import type { AnyPlugin } from "../src/cni/plugin.ts";
import { type Response, runPlugin } from "../src/cni/run.ts";
import { delegates, plugins } from "./plugins.ts";

/** What a plugin's process is given; `executable` is the file whose names are the plugins. */
interface Process {
  readonly env: Env;
  readonly stdin: () => Uint8Array;
  readonly executable: string;
}

/** Runs a plugin, and in this process those that it calls, if they are this same executable. */
export function servePlugin(plugin: AnyPlugin, { env, stdin, executable }: Process): Response {
  const inProcess = (path: string) =>
    delegates.includes(basename(path)) && isSameFile(path, executable) ? plugins[basename(path)]?.() : undefined;
  return runPlugin(plugin, { env, stdin, inProcess });
}

function isSameFile(...paths: [string, string]): boolean {
  const [one, other] = paths.map((path) => statSync(path, { bigint: true }));
  return one?.ino === other?.ino && one?.dev === other?.dev;
}
