import { readdirSync, readFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { CniError, ErrorCode } from "./error.ts";
import { listOfOne, type NetworkList, parseNetworkList, parsePluginConfig } from "./netlist.ts";

/** Where runtimes look for networks unless told otherwise. */
export const defaultConfigDir = "/etc/cni/net.d";

/**
 * The network called `name` in a directory: the first `.conflist` (by file name) that has it, else the first `.conf` or
 * `.json`. A file that cannot be read or parsed before one is found ends the search.
 *
 * @throws CniError (invalidConfig, io) with the text of the Go library.
 */
export function loadNetwork(directory: string, name: string): NetworkList {
  const lists = configFiles(directory, [".conflist"]);
  for (const file of lists) {
    const list = loadNetworkFile(file);
    if (list.name === name) return list;
  }
  const singles = configFiles(directory, [".conf", ".json"]);
  for (const file of singles) {
    const plugin = parsePluginConfig(readConfig(file));
    if (plugin.name === name) return listOfOne(plugin);
  }
  throw new CniError(
    ErrorCode.invalidConfig,
    lists.length + singles.length === 0
      ? `no net configurations found in ${directory}`
      : `no net configuration with name ${JSON.stringify(name)} in ${directory}`,
  );
}

/**
 * The list in a `.conflist` file, with the plugins of its folder (`<network name>/*.conf` beside it) after its own.
 *
 * @throws CniError (invalidConfig, io).
 */
export function loadNetworkFile(file: string): NetworkList {
  const list = parseNetworkList(readConfig(file));
  // A name that is no file name has no folder; ADD refuses it.
  const hasFolder = !list.loadOnlyInlinedPlugins && !["", ".", ".."].includes(list.name) && !list.name.includes("/");
  const folder = hasFolder ? configFiles(join(dirname(file), list.name), [".conf"]) : [];
  const plugins = [...list.plugins, ...folder.map((plugin) => parsePluginConfig(readConfig(plugin)))];
  if (plugins.length === 0) throw new CniError(ErrorCode.invalidConfig, `no plugin configs found`, { details: file });
  return { ...list, plugins };
}

/** Files of a directory with one of these extensions, by name; a missing directory holds none. */
export function configFiles(directory: string, extensions: readonly string[]): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    const files = entries.filter((entry) => !entry.isDirectory() && extensions.includes(extname(entry.name)));
    return files.map(({ name }) => join(directory, name)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new CniError(ErrorCode.io, `error reading ${directory}`, { cause: error });
  }
}

function readConfig(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new CniError(ErrorCode.io, `error reading ${file}`, { cause: error });
  }
}
