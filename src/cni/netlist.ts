import { CniError, ErrorCode } from "./error.ts";
import { field, isObject, type JsonObject, jsonType, parseJson } from "./json.ts";
import { compareVersions, newestVersion } from "./version.ts";

/** A network configuration list (specification 1.1.0 section 1): the plugins that attach a container, in order. */
export interface NetworkList {
  readonly name: string;
  /** The version to call the plugins with; may be empty, which plugins take for 0.1.0, or one we do not know. */
  readonly version: string;
  readonly disableCheck: boolean;
  readonly disableGC: boolean;
  readonly loadOnlyInlinedPlugins: boolean;
  readonly plugins: readonly PluginConfig[];
  /** The list as it was loaded: what the cache keeps. */
  readonly bytes: Uint8Array;
}

/** One plugin's object in a list. */
export interface PluginConfig {
  readonly type: string;
  /** The object's own name, which the list's replaces. */
  readonly name: string;
  /** Names of the capabilities that it takes from the runtime. */
  readonly capabilities: readonly string[];
  readonly raw: JsonObject;
}

/** @throws CniError (invalidConfig) with the text of the Go library. */
export function parseNetworkList(bytes: Uint8Array): NetworkList {
  const fail = (reason: string) => new CniError(ErrorCode.invalidConfig, `error parsing configuration list: ${reason}`);
  const raw = parseObject(bytes, fail);
  const boolean = (key: string) => readBoolean(raw, key, fail);
  const loadOnlyInlinedPlugins = boolean("loadOnlyInlinedPlugins");
  return {
    name: readName(raw, fail),
    version: chooseVersion(raw, fail),
    disableCheck: boolean("disableCheck"),
    disableGC: boolean("disableGC"),
    loadOnlyInlinedPlugins,
    plugins: readPlugins(raw, loadOnlyInlinedPlugins, fail),
    bytes,
  };
}

/** A file that holds one plugin's object only. @throws CniError (invalidConfig) with the text of the Go library. */
export function parsePluginConfig(bytes: Uint8Array): PluginConfig {
  return readPluginConfig(parseObject(bytes, failPlugin));
}

/** The list of one that a plugin's object stands for: the form of networks before 0.3.0. */
export function listOfOne(plugin: PluginConfig): NetworkList {
  const version = field(plugin.raw, "cniVersion") ?? "";
  const list = { name: plugin.name, cniVersion: version, plugins: [plugin.raw] };
  return parseNetworkList(Buffer.from(JSON.stringify(list)));
}

type Fail = (reason: string) => CniError;

function parseObject(bytes: Uint8Array, fail: Fail): JsonObject {
  let value: unknown;
  try {
    value = parseJson(bytes);
  } catch (error) {
    throw fail(error instanceof Error ? error.message : String(error));
  }
  if (!isObject(value)) throw fail(`an object is needed, not ${jsonType(value)}`);
  return value;
}

function readName(raw: JsonObject, fail: Fail): string {
  const name = field(raw, "name");
  if (name === undefined) throw fail("no name");
  if (typeof name !== "string") throw fail(`invalid name type ${jsonType(name)}`);
  return name;
}

/** The highest of `cniVersion` and `cniVersions` that this library knows; without `cniVersions`, `cniVersion` as it is. */
function chooseVersion(raw: JsonObject, fail: Fail): string {
  const single = field(raw, "cniVersion") ?? "";
  if (typeof single !== "string") throw fail(`invalid cniVersion type ${jsonType(single)}`);
  const several = field(raw, "cniVersions");
  if (several === undefined) return single;
  if (!Array.isArray(several)) throw fail(`invalid type for cniVersions: ${jsonType(several)}`);
  const known = (version: string, where: string) => {
    try {
      return compareVersions(version, newestVersion) <= 0;
    } catch (error) {
      throw fail(`${where}: ${error instanceof Error ? error.message : error}`);
    }
  };
  const candidates = several.filter((version: unknown, i) => {
    if (typeof version !== "string") throw fail(`invalid type for cniVersions index ${i}: ${jsonType(version)}`);
    return known(version, `invalid cniVersions entry ${version} at index ${i}`);
  });
  if (single !== "" && known(single, `invalid cniVersion ${single}`)) candidates.push(single);
  return candidates.sort(compareVersions).at(-1) ?? single;
}

function readBoolean(raw: JsonObject, key: string, fail: Fail): boolean {
  const value = field(raw, key) ?? false;
  if (typeof value === "boolean") return value;
  if (typeof value !== "string") throw fail(`invalid type ${jsonType(value)} for ${key}`);
  const folded = value.toLowerCase();
  if (folded !== "true" && folded !== "false") throw fail(`invalid value ${JSON.stringify(value)} for ${key}`);
  return folded === "true";
}

function readPlugins(raw: JsonObject, inlinedOnly: boolean, fail: Fail): PluginConfig[] {
  const plugins = field(raw, "plugins");
  if (plugins === undefined) {
    if (inlinedOnly) throw fail("`loadOnlyInlinedPlugins` is true, and no 'plugins' key");
    return [];
  }
  if (!Array.isArray(plugins)) throw fail(`invalid 'plugins' type ${jsonType(plugins)}`);
  if (plugins.length === 0) throw fail("no plugins in list");
  return plugins.map((plugin: unknown, i) => {
    try {
      if (!isObject(plugin)) throw failPlugin(`an object is needed, not ${jsonType(plugin)}`);
      return readPluginConfig(plugin);
    } catch (error) {
      const reason = error instanceof Error ? error.message : error;
      throw new CniError(ErrorCode.invalidConfig, `failed to parse plugin config ${i}: ${reason}`);
    }
  });
}

function readPluginConfig(raw: JsonObject): PluginConfig {
  const type = field(raw, "type") ?? "";
  const name = field(raw, "name") ?? "";
  const capabilities = field(raw, "capabilities") ?? {};
  if (typeof type !== "string") throw failPlugin(`invalid type of 'type': ${jsonType(type)}`);
  if (typeof name !== "string") throw failPlugin(`invalid name type ${jsonType(name)}`);
  if (type === "") throw failPlugin("missing 'type'");
  if (!isObject(capabilities)) throw failPlugin(`invalid 'capabilities' type ${jsonType(capabilities)}`);
  const wanted = Object.entries(capabilities).flatMap(([capability, value]) => (value === true ? [capability] : []));
  return { type, name, capabilities: wanted, raw };
}

function failPlugin(reason: string): CniError {
  return new CniError(ErrorCode.invalidConfig, `error parsing configuration: ${reason}`);
}
