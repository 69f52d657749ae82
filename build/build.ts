// Makes build/bin: one executable, and a hard link to it for each plugin and tool.
//
// usage: npm run build [-- --quick]     --quick: without code caches, for trying things out
import { createHash } from "node:crypto";
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { parseArgs } from "node:util";
import { plugins } from "../cmd/plugins.ts";
import { tools } from "../cmd/tools.ts";
import { lockFile } from "../src/linux/lock.ts";
import { bundleLoaders, bundleNames } from "./bundle.ts";
import { alignCodeCaches, recordCodeCaches } from "./codecache.ts";
import { generateValidators } from "./generate.ts";
import { handoverSources } from "./handover.ts";
import { placeLibraries } from "./libraries.ts";
import { libraryFolder, packageExecutable } from "./package.ts";
import { inRepository, writeWhole } from "./paths.ts";

const bin = inRepository("build/bin");
const cache = inRepository("build/cache");
const executable = `${cache}/berth`;
const bundles = `${cache}/bundles`;
const names = [...Object.keys(plugins), ...Object.keys(tools)].sort();

async function buildAll(quick: boolean): Promise<void> {
  mkdirSync(cache, { recursive: true });
  mkdirSync(bin, { recursive: true });
  using _ = lockFile(`${cache}/build.lock`);
  await generateValidators();
  rmSync(bundles, { recursive: true, force: true });
  const scripts = await bundleNames(names, bundles);
  await bundleLoaders(cache);
  const stamp = `${quick ? "quick" : "full"} ${hashOf(...Object.values(scripts), ...builders())}`;
  const done = existsSync(`${executable}.stamp`) && readFileSync(`${executable}.stamp`, "utf8") === stamp;
  if (!done || !existsSync(executable)) {
    const recorder = `${cache}/record.cjs`;
    const codeCaches = quick ? {} : recordCodeCaches(names, { recorder, bundles, directory: `${cache}/codecache` });
    await packageExecutable(`${cache}/loader.cjs`, { ...scripts, ...codeCaches }, executable);
    alignCodeCaches(executable, Object.values(codeCaches));
    writeWhole(`${executable}.stamp`, stamp);
  }
  placeLibraries(`${bin}/${libraryFolder}`);
  for (const name of names) placeLink(`${bin}/${name}`);
  for (const name of readdirSync(bin)) if (!names.includes(name) && name !== libraryFolder) rmSync(`${bin}/${name}`);
  console.log(`build/bin: ${names.join(" ")}`);
}

/** What the executable depends on besides the bundle. */
function builders(): string[] {
  const samples = readdirSync(inRepository("conf")).map((name) => inRepository("conf", name));
  const scripts = ["package.ts", "node.ts", "elf.ts", "hasten.ts", "handover.ts", "codecache.ts", "record.sh"].map(
    (name) => inRepository("build", name),
  );
  return [
    ...scripts,
    ...handoverSources,
    ...samples,
    `${cache}/loader.cjs`,
    `${cache}/record.cjs`,
    inRepository("package-lock.json"),
  ];
}

function hashOf(...files: string[]): string {
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

const { values } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
await buildAll(values.quick);
