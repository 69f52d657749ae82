// Runs bats suites on Debian's kernel in emulated machines: `test/kernel/run [bats options and files]`, by default all of
// test/kernel. Prints TAP, and ends with 0 if all tests were run and none failed.
// BERTH_BIN is the folder of the executables under test, build/bin by default.
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { inRepository, root } from "../../build/paths.ts";
import { writeImage, writeSystem } from "./image.ts";
import { fetchKernel } from "./kernel.ts";
import { boot, tailOf } from "./machine.ts";
import { mergeTap } from "./tap.ts";

/** Suites are shared out to so many machines: with two of one processor they take half the time of one with two. */
const machines = Math.min(2, availableParallelism());

async function runSuites(runs: string[][]): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "berth-kernel-"));
  try {
    const cache = inRepository("build/cache/kernel");
    const kernel = fetchKernel(cache);
    const system = writeSystem(kernel, cache);
    const consoles = runs.map((_, index) => join(folder, `console.${index}`));
    const streams = runs.map((run, index) => {
      const initramfs = join(folder, `initramfs.${index}`);
      writeImage(initramfs, system, resolve(process.env["BERTH_BIN"] ?? inRepository("build/bin")), run);
      return boot(kernel.image, initramfs, consoles[index] as string);
    });
    const passed = await printAll(mergeTap(streams));
    if (!passed) for (const file of consoles) console.log(["# A console's end:", ...tailOf(file)].join("\n# "));
    return passed;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function printAll(lines: AsyncGenerator<string, boolean>): Promise<boolean> {
  for (;;) {
    const { value, done } = await lines.next();
    if (done) return value;
    console.log(value);
  }
}

/** The arguments of bats for each machine, files named from the repository's root: about as many tests for one as for another. */
function shareOut(given: string[]): string[][] {
  const [files, options] = [given.filter(existsSync), given.filter((argument) => !existsSync(argument))];
  const suites =
    files.length > 0
      ? files.map((file) => relative(root, resolve(file)))
      : globSync("test/kernel/*.bats", { cwd: root });
  const counted = suites.map((suite) => ({ suite, tests: countTests(suite) })).sort((a, b) => b.tests - a.tests);
  const runs = Array.from({ length: Math.min(machines, suites.length) }, () => ({ tests: 0, suites: [] as string[] }));
  for (const { suite, tests } of counted) {
    const shortest = runs.reduce((a, b) => (b.tests < a.tests ? b : a));
    shortest.suites.push(suite);
    shortest.tests += tests;
  }
  return runs.map((run) => [...options, ...run.suites]);
}

function countTests(suite: string): number {
  return readFileSync(join(root, suite), "utf8").match(/^@test /gm)?.length ?? 0;
}

process.exitCode = (await runSuites(shareOut(process.argv.slice(2)))) ? 0 : 1;
