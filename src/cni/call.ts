import { convertResult, resultVersion } from "./convert.ts";
import type { Env, Verb } from "./environment.ts";
import { CniError, ErrorCode } from "./error.ts";
import { succeeded } from "./execute.ts";
import { invoke } from "./invoke.ts";
import { type JsonObject, parseJson } from "./json.ts";
import type { NetworkList, PluginConfig } from "./netlist.ts";
import type { AttachmentKey, Network } from "./plugin.ts";
import { compareVersions, defaultVersion, isVersion, type Version } from "./version.ts";

/** What calls plugins, for all its networks: the part of a container runtime that CNI sees. */
export interface Runner {
  /** Directories with plugins. */
  readonly path: readonly string[];
  /** As {@link import("./cache.ts").defaultCacheDir}. */
  readonly cacheDir: string;
  /** Environment that plugins get beside their own variables. */
  readonly env: Env;
  /** What plugins wrote to standard error. */
  readonly warn: (text: string) => void;
  /** When plugins that still run are killed, on the clock of performance.now(). */
  readonly deadline?: number | undefined;
  readonly inProcess?: Network["inProcess"];
}

/** One interface of one container, as the runtime wants it. */
export interface Target extends AttachmentKey {
  /** Path of the network namespace; may be empty or gone on DEL. */
  readonly netns: string;
  /** CNI_ARGS. */
  readonly args: readonly (readonly [key: string, value: string])[];
  /** For plugins that ask for them by `capabilities`. */
  readonly capabilityArgs: JsonObject;
}

/**
 * What a plugin of a list receives for an attachment: its object with the list's name and version, the arguments that
 * its capabilities ask for, and the result of the one before it.
 */
export function attachmentRequest(
  list: NetworkList,
  plugin: PluginConfig,
  target: Target,
  prevResult: JsonObject | undefined,
): JsonObject {
  const wanted = Object.entries(target.capabilityArgs).filter(([key]) => plugin.capabilities.includes(key));
  return networkRequest(list, plugin, {
    ...(wanted.length === 0 ? {} : { runtimeConfig: Object.fromEntries(wanted) }),
    ...(prevResult === undefined ? {} : { prevResult: convertResult(prevResult, assumedVersion(list), list.version) }),
  });
}

/**
 * What a plugin of a list receives when no attachment is meant. `capabilities` and `cni.dev/` keys are the runtime's own
 * affair and stay out (specification 1.1.0, "Deriving request configuration").
 */
export function networkRequest(list: NetworkList, plugin: PluginConfig, keys: JsonObject = {}): JsonObject {
  const injected: JsonObject = { name: list.name, cniVersion: list.version, ...keys };
  // In any spelling: the plugin would otherwise find a key of its object beside ours.
  const replaced = new Set([...Object.keys(injected), "capabilities"].map((key) => key.toLowerCase()));
  const kept = Object.entries(plugin.raw).filter(([key]) => {
    const folded = key.toLowerCase();
    return !replaced.has(folded) && !folded.startsWith("cni.dev/");
  });
  return { ...injected, ...Object.fromEntries(kept) };
}

/**
 * Calls one plugin.
 *
 * @returns its standard output.
 * @throws CniError of the plugin, or that of one that died (specification of the Go library's executor).
 */
export function call(runner: Runner, executable: string, verb: Verb, request: JsonObject, target?: Target): string {
  const env = { ...runner.env, CNI_COMMAND: verb, CNI_PATH: runner.path.join(":"), ...targetEnvironment(target) };
  return callWith(runner, executable, env, request);
}

/** {@link call} with an environment of its own. */
export function callWith(runner: Runner, executable: string, env: Env, request: JsonObject): string {
  const { deadline, inProcess } = runner;
  const outcome = invoke(executable, {
    env,
    stdin: Buffer.from(JSON.stringify(request)),
    inProcess,
    // At least 1, since 0 is no limit.
    timeout: deadline === undefined ? undefined : Math.max(1, Math.ceil(deadline - performance.now())),
  });
  const stdout = succeeded(outcome);
  if (outcome.stderr !== "") runner.warn(outcome.stderr.trimEnd());
  return stdout;
}

/** The result that ADD printed, normalised, in its own version. @throws CniError (decoding). */
export function readAddOutput(stdout: string, list: NetworkList): JsonObject {
  try {
    const raw = parseJson(stdout);
    return convertResult(raw, assumedVersion(list), resultVersion(raw, assumedVersion(list)));
  } catch (error) {
    throw new CniError(ErrorCode.decoding, "failed to unmarshal raw result", { cause: error });
  }
}

/** The version of a result that names none. */
export function assumedVersion({ version }: NetworkList): Version {
  return isVersion(version) ? version : defaultVersion;
}

/** @throws SyntaxError when the list's version is none. */
export function listAtLeast({ version }: NetworkList, oldest: Version): boolean {
  return compareVersions(version, oldest) >= 0;
}

/** All of them always, so that none of the runner's own environment shines through. */
function targetEnvironment(target: Target | undefined): Env {
  return {
    CNI_CONTAINERID: target?.containerID ?? "",
    CNI_NETNS: target?.netns ?? "",
    CNI_IFNAME: target?.ifname ?? "",
    CNI_ARGS: (target?.args ?? []).map(([key, value]) => `${key}=${value}`).join(";"),
  };
}
