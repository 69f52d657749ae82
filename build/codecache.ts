import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { execaSync } from "execa";
import { agent } from "./bundle.ts";
import { options, preparedNode } from "./node.ts";
import { inRepository } from "./paths.ts";

/** V8 copies a code cache that does not begin at a multiple of this many bytes; see {@link alignCodeCaches}. */
const alignment = 8;

/**
 * Records a code cache for each name into `directory`, by attaching the sample networks of conf/ in a sandbox.
 *
 * @returns file by asset: the name. None where no sandbox can be made, as without root: the executable works, and is slower.
 */
export function recordCodeCaches(
  names: readonly string[],
  { recorder, bundles, directory }: Readonly<Record<"recorder" | "bundles" | "directory", string>>,
): Record<string, string> {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const sandbox = inRepository("test/sandbox");
  const command = [
    inRepository("build/record.sh"),
    directory,
    ...names,
    "--",
    preparedNode(),
    ...options,
    recorder,
    bundles,
  ];
  // Once as themselves, and once as the agent, which does what all of them do.
  for (const env of [{}, { RECORD_AS: agent }]) {
    const { failed, all } = execaSync(sandbox, command, { reject: false, all: true, stdin: "ignore", env });
    if (failed) console.warn(`Without the code cache of every plugin:\n${all}`);
  }
  const recorded = readdirSync(directory);
  const missing = names.filter((name) => !recorded.includes(name));
  if (missing.length > 0) console.warn(`Without a code cache: ${missing.join(" ")}`);
  for (const name of recorded) appendFileSync(`${directory}/${name}`, Buffer.alloc(alignment));
  return Object.fromEntries(recorded.map((name) => [name, `${directory}/${name}`]));
}

/** Moves each code cache within its place in the executable, whose last bytes are free: the loader skips zeros before it. */
export function alignCodeCaches(executable: string, files: readonly string[]): void {
  const image = readFileSync(executable);
  for (const file of files) {
    const codeCache = readFileSync(file);
    const start = image.indexOf(codeCache);
    if (start < 0 || codeCache[0] === 0) throw new Error(`Cannot align the code cache ${file} in ${executable}`);
    const shift = (alignment - (start % alignment)) % alignment;
    codeCache.copy(image, start + shift, 0, codeCache.length - alignment);
    image.fill(0, start, start + shift);
  }
  writeFileSync(executable, image);
}
