import { lstatSync, readlinkSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { execaSync } from "execa";
import type { Source } from "./archive.ts";

/** The versions of installed Debian packages, as text that changes when one of them does. */
export function versionsOf(packages: readonly string[]): string {
  const { stdout, failed, stderr } = execaSync("dpkg-query", ["--show", ...packages], { reject: false });
  if (failed) throw new Error(`Cannot take packages into the test machine: ${stderr}`);
  return stdout;
}

/** All that installed packages consist of, without configuration, what is only for reading, and character sets. */
export function filesOf(packages: readonly string[]): string[] {
  const { stdout } = execaSync("dpkg", ["--listfiles", ...packages]);
  return stdout
    .split("\n")
    .filter((path) => path.startsWith("/") && !/^\/(etc|usr\/share|.*\/gconv)\//.test(path) && isFile(path));
}

/** The shared libraries that executables and libraries need, and their loader. */
export function librariesOf(files: readonly string[]): string[] {
  // ldd fails as a whole where a file is no dynamic executable.
  const { stdout } = execaSync("ldd", files, { reject: false });
  const paths = stdout.matchAll(/^\s+(?:\S+ => )?(\/\S+) \(0x/gm).map(([, path = ""]) => path);
  return [...new Set(paths)];
}

/** Files of this machine at the same place in the test machine; symbolic links with all that they lead to. */
export function asTree(files: readonly string[]): Map<string, Source> {
  const tree = new Map<string, Source>();
  const pending = [...files];
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    // /bin is a link to /usr/bin: only the real folder is made.
    const path = join(realpathSync(dirname(file)), basename(file));
    if (tree.has(path) || !isFile(path)) continue;
    tree.set(path, { file: path });
    if (lstatSync(path).isSymbolicLink()) pending.push(resolve(dirname(path), readlinkSync(path)));
  }
  return new Map([...tree].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isFile(path: string): boolean {
  const status = lstatSync(path, { throwIfNoEntry: false });
  return status !== undefined && !status.isDirectory();
}
