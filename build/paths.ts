import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The repository's root. */
export const root = join(import.meta.dirname, "..");

/** Where a file or folder of the repository is. */
export function inRepository(...names: string[]): string {
  return join(root, ...names);
}

/** Writes a file whole or not at all, for builds that run side by side. */
export function writeWhole(path: string, content: string): void {
  const unfinished = `${path}.${process.pid}`;
  writeFileSync(unfinished, content);
  renameSync(unfinished, path);
}
