// Runs bats suites on Debian's kernel in an emulated machine: `test/kernel/run [bats options and files]`, by default all
// of test/kernel. Prints TAP, and ends with 0 if the machine ran all tests and none failed.
// BERTH_BIN is the folder of the executables under test, build/bin by default.
import { existsSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { inRepository, root } from "../../build/paths.ts";
import { writeImage } from "./image.ts";
import { fetchKernel } from "./kernel.ts";
import { boot, tailOf } from "./machine.ts";

/** The whole suite's time, in seconds. */
const limit = 360;

async function runSuite(options: string[]): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "berth-kernel-"));
  try {
    const [initramfs, console_] = [join(folder, "initramfs.cpio"), join(folder, "console")];
    const cache = inRepository("build/cache/kernel");
    const kernel = fetchKernel(cache);
    writeImage(initramfs, kernel, cache, process.env["BERTH_BIN"] ?? inRepository("build/bin"), options);
    return await relayTap(boot({ kernel, initramfs, console: console_, limit }), () => tailOf(console_));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Prints the lines of a TAP stream. One that ends too early gets a failed test with the console's end. */
async function relayTap(lines: AsyncIterable<string>, consoleTail: () => string[]): Promise<boolean> {
  const tests = { planned: undefined as number | undefined, run: 0, failed: 0 };
  let status: string | undefined;
  for await (const line of lines) {
    console.log(line);
    tests.planned ??= /^1\.\.(\d+)$/.exec(line)?.[1] === undefined ? undefined : Number(line.slice(3));
    if (/^(not )?ok /.test(line)) tests.run += 1;
    if (line.startsWith("not ok ")) tests.failed += 1;
    status ??= /^# bats ended with status (\d+)$/.exec(line)?.[1];
  }
  if (status !== undefined && tests.run === tests.planned) return status === "0" && tests.failed === 0;
  const text = `# ${tests.run} of ${tests.planned ?? "an unknown number of"} tests were run. The console's end:`;
  console.log(
    [`not ok ${tests.run + 1} the machine runs all tests`, text, ...consoleTail().map((line) => `# ${line}`)].join(
      "\n",
    ),
  );
  return false;
}

/** bats' arguments as they are right in the test machine, where the working directory is the repository's root. */
function optionsFor(given: string[]): string[] {
  const options = given.map((option) => (existsSync(option) ? relative(root, resolve(option)) : option));
  const suites = globSync("test/kernel/*.bats", { cwd: root }).sort();
  return given.some((option) => existsSync(option)) ? options : [...options, ...suites];
}

process.exitCode = (await runSuite(optionsFor(process.argv.slice(2)))) ? 0 : 1;
