import { lstatSync, mkdirSync } from "node:fs";
import { CniError, ErrorCode } from "../cni/error.ts";

/**
 * Where the plugins keep what belongs to the running kernel: locks and records of its objects. Like those, it is gone
 * after a reboot.
 */
const root = "/run/berth";

/**
 * A directory beneath it, made if it is not there.
 *
 * @throws CniError (io) when it is a link, or others may write to it: what stands in it is trusted.
 */
export function stateDirectory(...names: readonly string[]): string {
  let path = root;
  for (const name of ["", ...names]) {
    path = name === "" ? path : `${path}/${name}`;
    ensurePrivateDirectory(path);
  }
  return path;
}

/** A file for {@link stateDirectory}'s locks; `name` may hold any characters but a slash. */
export function lockPath(name: string): string {
  return `${stateDirectory("locks")}/${name}`;
}

function ensurePrivateDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const found = lstatSync(path);
  const own = found.isDirectory() && found.uid === process.geteuid?.();
  if (own && (found.mode & 0o022) === 0) return;
  const mode = (found.mode & 0o777).toString(8);
  throw new CniError(ErrorCode.io, `Cannot keep state in ${path}: it is not a directory of this user's alone`, {
    details: `${path}: found ${found.isDirectory() ? `a directory of user ${found.uid}, mode ${mode}` : "no directory"}`,
  });
}
