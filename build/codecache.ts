import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { execaSync } from "execa";
import { options, preparedNode } from "./node.ts";
import { inRepository } from "./paths.ts";

/**
 * Records a code cache for each name into `directory`, by attaching the sample networks of conf/ in a sandbox.
 *
 * @returns file by name. None where no sandbox can be made, as without root: the executable works, and is slower.
 */
export function recordCodeCaches(
  names: readonly string[],
  { recorder, bundle, directory }: Readonly<Record<"recorder" | "bundle" | "directory", string>>,
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
    bundle,
  ];
  const { failed, all } = execaSync(sandbox, command, { reject: false, all: true, stdin: "ignore" });
  const recorded = readdirSync(directory);
  if (failed || recorded.length < names.length) console.warn(`Without the code cache of every plugin:\n${all}`);
  return Object.fromEntries(recorded.map((name) => [name, `${directory}/${name}`]));
}
