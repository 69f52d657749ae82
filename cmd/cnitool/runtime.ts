import { createHash } from "node:crypto";
import type { Command } from "commander";
import { defaultCacheDir } from "../../src/cni/cache.ts";
import type { Runner, Target } from "../../src/cni/call.ts";
import { defaultConfigDir, loadNetwork } from "../../src/cni/confdir.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import { isObject, type JsonObject, parseJson } from "../../src/cni/json.ts";
import type { NetworkList } from "../../src/cni/netlist.ts";
import { absolute, type Tool } from "./tool.ts";

/** Options of every command that runs plugins. */
export interface RunnerOptions {
  readonly cacheDir?: string;
  readonly timeout?: number;
}

/** Options of commands about one attachment. */
export interface TargetOptions extends RunnerOptions {
  readonly ifname?: string;
  readonly containerId?: string;
}

export function addRunnerOptions(command: Command): Command {
  return command
    .option("--cache-dir <directory>", `where attachments are remembered (default: ${defaultCacheDir})`)
    .option("--timeout <seconds>", "kill plugins that still run after this time", readSeconds);
}

export function addTargetOptions(command: Command): Command {
  return addRunnerOptions(command)
    .option("-i, --ifname <name>", "interface in the container (default: $CNI_IFNAME, or eth0)")
    .option("--container-id <id>", "container ID (default: derived from the namespace's path)");
}

export function openNetwork(tool: Tool, name: string): NetworkList {
  return loadNetwork(tool.env["NETCONFPATH"] || defaultConfigDir, name);
}

export function createRunner(tool: Tool, { cacheDir, timeout }: RunnerOptions): Runner {
  return {
    path: (tool.env["CNI_PATH"] ?? "").split(":").filter((directory) => directory !== ""),
    cacheDir: cacheDir === undefined ? defaultCacheDir : absolute(tool, cacheDir),
    env: tool.env,
    warn: tool.warn,
    deadline: timeout === undefined ? undefined : performance.now() + timeout * 1000,
  };
}

/** The attachment that the arguments, options and variables name. @throws CniError (invalidEnvironment). */
export function describeTarget(tool: Tool, netns: string, options: TargetOptions): Target {
  const path = absolute(tool, netns);
  return {
    containerID: options.containerId ?? containerIDFor(path),
    netns: path,
    // Set but empty stays empty, and is refused: as upstream's cnitool does.
    ifname: options.ifname ?? tool.env["CNI_IFNAME"] ?? "eth0",
    args: readArgs(tool.env["CNI_ARGS"] ?? ""),
    capabilityArgs: readCapabilityArgs(tool.env["CAP_ARGS"] ?? ""),
  };
}

/** The ID that upstream's cnitool gives, so that either deletes what the other added. */
function containerIDFor(netns: string): string {
  return `cnitool-${createHash("sha512").update(netns).digest("hex").slice(0, 20)}`;
}

/** Stricter than plugins are: a pair needs a key and a value. */
function readArgs(text: string): [string, string][] {
  return (text === "" ? [] : text.split(";")).map((pair) => {
    const [key, value, ...more] = pair.split("=");
    if (!key || !value || more.length > 0) throw invalid(`invalid CNI_ARGS pair ${JSON.stringify(pair)}`);
    return [key, value];
  });
}

function readCapabilityArgs(text: string): JsonObject {
  if (text === "") return {};
  const wrong = "CAP_ARGS is not a JSON object";
  try {
    const value = parseJson(text);
    if (isObject(value)) return value;
  } catch (error) {
    throw invalid(wrong, error);
  }
  throw invalid(wrong);
}

/** The argument of an option that takes seconds. */
function readSeconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0)) throw invalid(`--timeout needs a number of seconds above 0, not ${JSON.stringify(text)}`);
  return seconds;
}

function invalid(message: string, cause?: unknown): CniError {
  return new CniError(ErrorCode.invalidEnvironment, message, { cause });
}
