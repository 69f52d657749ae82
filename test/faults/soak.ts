import { existsSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import {
  addContainer,
  callChain,
  type Host,
  makeHost,
  type PluginConfig,
  removeContainer,
  removeHost,
  runScript,
  suites,
} from "../bench/host.ts";
import { abridge, compareSettled, takeSnapshot } from "./snapshot.ts";

/** What must not grow with the number of containers that there ever were. */
interface Size {
  readonly links: number;
  /** Of `nft list ruleset`. */
  readonly lines: number;
  /** Files and directories that the plugins keep, whatever they are, and the kilobytes that they take. */
  readonly files: number;
  readonly kilobytes: number;
}

/**
 * ADD, CHECK and DEL of one container after the other, each in a namespace of its own, beside one that stands.
 *
 * @returns what was left, and how large everything was at the start and at the end.
 */
export function soak(
  makePlugins: (hostPort: number) => readonly PluginConfig[],
  cycles: number,
): { problems: string[]; before: Size; after: Size; milliseconds: number } {
  const host = makeHost(suites.berth, "soak");
  using standing = standingContainer(host, makePlugins(20_000));
  const plugins = makePlugins(20_001);
  // What is made once and for all.
  cycle(host, plugins, "warm");
  const look = () => takeSnapshot(host, `/run/netns/${standing.name}`);
  const before = { facts: look(), size: measure(host) };
  const start = performance.now();
  for (let i = 0; i < cycles; i++) cycle(host, plugins, `pod${i}`);
  const milliseconds = performance.now() - start;
  const left = compareSettled(before.facts, look);
  const after = measure(host);
  const grown = (Object.keys(after) as (keyof Size)[]).filter((key) => after[key] !== before.size[key]);
  return {
    problems: [
      ...(left.length > 0 ? [`left: ${abridge(left)}`] : []),
      ...grown.map((key) => `${after[key]} ${key}, at the start ${before.size[key]}`),
    ],
    before: before.size,
    after,
    milliseconds,
  };
}

export function describeSize({ links, lines, files, kilobytes }: Size): string {
  return `${links} links, ${lines} lines of nf_tables, ${files} files of ${kilobytes} KiB`;
}

function cycle(host: Host, plugins: readonly PluginConfig[], container: string): void {
  addContainer(container);
  const { result } = callChain(host, "ADD", container, plugins);
  callChain(host, "CHECK", container, plugins, result);
  callChain(host, "DEL", container, plugins, result);
  removeContainer(container);
}

/** With it, what a network's containers have in common stays, and could grow. */
function standingContainer(host: Host, plugins: readonly PluginConfig[]): Disposable & { readonly name: string } {
  const name = "standing";
  addContainer(name);
  const { result } = callChain(host, "ADD", name, plugins);
  return {
    name,
    [Symbol.dispose]() {
      callChain(host, "DEL", name, plugins, result);
      removeContainer(name);
      removeHost(host);
    },
  };
}

function measure({ namespace, state }: Host): Size {
  const lines = (script: string) => runScript(namespace, script).split("\n").length - 1;
  const files = [state, "/run/berth", "/run/cni", "/var/lib/cni"].flatMap(listFiles);
  const blocks = files.map((path) => lstatSync(path).blocks);
  return {
    links: lines("ip -oneline link show"),
    lines: lines("nft --stateless list ruleset"),
    files: files.length,
    kilobytes: blocks.reduce((sum, count) => sum + count, 0) / 2,
  };
}

function listFiles(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true }).map(({ parentPath, name }) =>
    join(parentPath, name),
  );
}
