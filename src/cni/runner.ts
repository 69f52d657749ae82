import { type CachedAttachment, listCache, readCache, removeCache, writeCache } from "./cache.ts";
import {
  assumedVersion,
  attachmentRequest,
  call,
  listAtLeast,
  networkRequest,
  type Runner,
  readAddOutput,
  type Target,
} from "./call.ts";
import { convertResult } from "./convert.ts";
import { checkContainerID, checkInterfaceName, checkNetworkName } from "./environment.ts";
import { CniError, ErrorCode } from "./error.ts";
import { findPlugin } from "./find.ts";
import type { JsonObject } from "./json.ts";
import type { NetworkList, PluginConfig } from "./netlist.ts";
import type { AttachmentKey } from "./plugin.ts";
import { errorText } from "./report.ts";

export type { Runner, Target } from "./call.ts";

/**
 * Runs ADD of each plugin in order, each with the result of the one before it, and keeps the last result in the cache.
 *
 * @returns that result, in the version that the last plugin gave it.
 * @throws CniError naming the plugin; nothing is undone, DEL is the caller's.
 */
export function addNetwork(runner: Runner, list: NetworkList, target: Target): JsonObject {
  let result: JsonObject | undefined;
  for (const plugin of list.plugins) {
    result = during(plugin, "add", () => {
      const executable = findPlugin(plugin.type, runner.path);
      checkContainerID(target.containerID);
      checkNetworkName(list.name);
      checkInterfaceName(target.ifname);
      const request = attachmentRequest(list, plugin, target, result);
      return readAddOutput(call(runner, executable, "ADD", request, target), list);
    });
  }
  const added = result ?? {};
  writeCache(runner.cacheDir, { ...target, network: list.name, config: list.bytes, result: added });
  return added;
}

/** Runs CHECK of each plugin in order with the cached result. @throws CniError of the first plugin that fails. */
export function checkNetwork(runner: Runner, list: NetworkList, target: Target): void {
  if (!listAtLeast(list, "0.4.0")) {
    throw new CniError(
      ErrorCode.incompatibleVersion,
      `configuration version ${JSON.stringify(list.version)} does not support the CHECK command`,
    );
  }
  if (list.disableCheck) return;
  const prevResult = cachedResult(runner, list, target);
  for (const plugin of list.plugins) {
    const executable = findPlugin(plugin.type, runner.path);
    call(runner, executable, "CHECK", attachmentRequest(list, plugin, target, prevResult), target);
  }
}

/**
 * Runs DEL of each plugin in reverse order, with the cached result if there is a good one, then forgets the attachment.
 *
 * @throws CniError naming the plugin that failed; those before it in the list were not called then.
 */
export function delNetwork(runner: Runner, list: NetworkList, target: Target): void {
  const prevResult = listAtLeast(list, "0.4.0") ? releasableResult(runner, list, target) : undefined;
  for (const plugin of list.plugins.toReversed()) {
    during(plugin, "delete", () => {
      const executable = findPlugin(plugin.type, runner.path);
      call(runner, executable, "DEL", attachmentRequest(list, plugin, target, prevResult), target);
    });
  }
  if (target.containerID !== "" && target.ifname !== "") removeCache(runner.cacheDir, list.name, target);
}

/**
 * Deletes every cached attachment of the network that is not in `valid`, then has each plugin collect what it still
 * holds for others than those. Goes on after errors.
 *
 * @throws CniError with all that failed, one a line.
 */
export function collectNetwork(runner: Runner, list: NetworkList, valid: readonly AttachmentKey[]): void {
  if (list.disableGC) return;
  const errors: string[] = [];
  const attempt = (what: string, step: () => void) => {
    try {
      step();
    } catch (error) {
      errors.push(`${what}: ${errorText(error)}`);
    }
  };
  for (const stale of staleAttachments(runner, list, valid)) {
    const what = `failed to delete stale attachment ${stale.containerID} ${stale.ifname}`;
    attempt(what, () => delNetwork(runner, list, stale));
  }
  // Both names of the key, as libcni sends them: the tag spec-v1.1.0 had the second.
  const attachments = valid.map(({ containerID, ifname }) => ({ containerID, ifname }));
  const keys = { "cni.dev/valid-attachments": attachments, "cni.dev/attachments": attachments };
  for (const plugin of listAtLeast(list, "1.1.0") ? list.plugins : []) {
    attempt(`failed to GC plugin ${plugin.type}`, () => {
      call(runner, findPlugin(plugin.type, runner.path), "GC", networkRequest(list, plugin, keys));
    });
  }
  if (errors.length > 0) throw new CniError(ErrorCode.internal, errors.join("\n"));
}

/** Asks each plugin in order whether it can serve ADD. @throws CniError of the first that cannot, unchanged. */
export function queryStatus(runner: Runner, list: NetworkList): void {
  for (const plugin of listAtLeast(list, "1.1.0") ? list.plugins : []) {
    call(runner, findPlugin(plugin.type, runner.path), "STATUS", networkRequest(list, plugin));
  }
}

/** Does one plugin's step, and says which plugin it was when that fails. */
function during<Value>({ type, name }: PluginConfig, operation: "add" | "delete", step: () => Value): Value {
  try {
    return step();
  } catch (error) {
    const plugin = `type=${JSON.stringify(type)}${name === "" ? "" : ` name=${JSON.stringify(name)}`}`;
    const code = error instanceof CniError ? error.code : ErrorCode.internal;
    throw new CniError(code, `plugin ${plugin} failed (${operation}): ${errorText(error)}`, { cause: error });
  }
}

/** @throws CniError when the cache cannot be read or its result converted. */
function cachedResult(runner: Runner, list: NetworkList, target: Target): JsonObject | undefined {
  const cached = readCache(runner.cacheDir, list.name, target);
  if (cached?.result === undefined) return undefined;
  try {
    return convertResult(cached.result, assumedVersion(list), list.version);
  } catch (error) {
    const version = JSON.stringify(list.version);
    throw new CniError(
      ErrorCode.decoding,
      `failed to get network ${JSON.stringify(list.name)} cached result: ` +
        `failed to convert cached result to config version ${version}: ${errorText(error)}`,
    );
  }
}

/** A DEL must not hang on a broken cache for ever: it is removed, and plugins do without. */
function releasableResult(runner: Runner, list: NetworkList, target: Target): JsonObject | undefined {
  try {
    return cachedResult(runner, list, target);
  } catch (error) {
    runner.warn(`Going on without the cached result: ${errorText(error)}`);
    return undefined;
  }
}

function staleAttachments(runner: Runner, list: NetworkList, valid: readonly AttachmentKey[]): CachedAttachment[] {
  const isValid = ({ containerID, ifname }: AttachmentKey) =>
    valid.some((key) => key.containerID === containerID && key.ifname === ifname);
  return listCache(runner.cacheDir).filter((cached) => cached.network === list.name && !isValid(cached));
}
