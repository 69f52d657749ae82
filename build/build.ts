// Makes build/bin: one executable, and a hard link to it for each plugin and tool.
import { createHash } from "node:crypto";
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { plugins } from "../cmd/plugins.ts";
import { tools } from "../cmd/tools.ts";
import { lockFile } from "../src/linux/lock.ts";
import { generateValidators } from "./generate.ts";
import { copyLibraries, libraryFolder, packageExecutable } from "./package.ts";
import { inRepository, writeWhole } from "./paths.ts";

const bin = inRepository("build/bin");
const cache = inRepository("build/cache");
const bundle = `${cache}/berth.cjs`;
const executable = `${cache}/berth`;

async function buildAll({ force }: { force: boolean }): Promise<void> {
  mkdirSync(cache, { recursive: true });
  mkdirSync(bin, { recursive: true });
  using _ = lockFile(`${cache}/build.lock`);
  await generateValidators();
  await bundleEntry();
  const stamp = stampOf(bundle, inRepository("build/package.ts"), inRepository("package-lock.json"));
  const done = existsSync(`${executable}.stamp`) && readFileSync(`${executable}.stamp`, "utf8") === stamp;
  if (force || !done || !existsSync(executable)) {
    await packageExecutable(bundle, executable);
    writeWhole(`${executable}.stamp`, stamp);
  }
  copyLibraries(`${bin}/${libraryFolder}`);
  const names = [...Object.keys(plugins), ...Object.keys(tools)];
  for (const name of names) placeLink(`${bin}/${name}`);
  for (const name of readdirSync(bin)) if (!names.includes(name) && name !== libraryFolder) rmSync(`${bin}/${name}`);
  console.log(`build/bin: ${names.sort().join(" ")}`);
}

async function bundleEntry(): Promise<void> {
  const { version } = JSON.parse(readFileSync(inRepository("package.json"), "utf8"));
  await build({
    entryPoints: [inRepository("cmd/berth.ts")],
    outfile: bundle,
    absWorkingDir: inRepository(),
    bundle: true,
    platform: "node",
    target: "node26",
    format: "cjs",
    // Names stay: a stack trace from somebody's node is worth more than some kB of 117 MB.
    minifySyntax: true,
    legalComments: "none",
    define: { BERTH_VERSION: JSON.stringify(`v${version}`) },
    logLevel: "warning",
  });
}

function stampOf(...files: string[]): string {
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest("hex");
}

/** By rename, since a test may be running the file that is replaced. */
function placeLink(path: string): void {
  if (existsSync(path) && statSync(path).ino === statSync(executable).ino) return;
  const unfinished = `${path}.${process.pid}`;
  linkSync(executable, unfinished);
  renameSync(unfinished, path);
}

const { values } = parseArgs({ options: { force: { type: "boolean", default: false } } });
await buildAll(values);
