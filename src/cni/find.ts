import { statSync } from "node:fs";
import { join } from "node:path";
import { CniError, ErrorCode } from "./error.ts";

/**
 * The executable of a plugin: the first regular file of its name in `path`, symbolic links followed.
 *
 * @throws CniError (invalidConfig) when there is none, (invalidEnvironment) when `path` is empty.
 */
export function findPlugin(type: string, path: readonly string[]): string {
  if (type === "") throw new CniError(ErrorCode.invalidConfig, "no plugin name provided");
  if (type.includes("/")) throw new CniError(ErrorCode.invalidConfig, `invalid plugin name: ${type}`);
  if (path.length === 0) throw new CniError(ErrorCode.invalidEnvironment, "no paths provided");
  for (const directory of path) {
    const file = join(directory, type);
    if (isFile(file)) return file;
  }
  throw new CniError(ErrorCode.invalidConfig, `failed to find plugin "${type}" in path [${path.join(" ")}]`);
}

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch {
    return false; // a directory that may not be searched, or is none
  }
}
