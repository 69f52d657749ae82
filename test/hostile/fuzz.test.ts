import { writeFileSync } from "node:fs";
import { basename } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AnyPlugin } from "../../src/cni/plugin.ts";
import { runPlugin } from "../../src/cni/run.ts";
import { abridge } from "../faults/snapshot.ts";
import { type Answer, judge } from "./answer.ts";
import { pluginNames } from "./configs.ts";
import { applyCut, cut, path, replaceAt, value, variables, variableValue } from "./mutations.ts";
import { runs, seed } from "./options.ts";
import { bin, type Env, type Stage, setStage } from "./stage.ts";

// In process, with all that a plugin does to the kernel and to files: a process more for each call would be three times
// as slow. How an executable takes input is in executables.test.ts.

interface Call {
  readonly stdin: Buffer;
  readonly env: Env;
}

const loaded = new Map<string, AnyPlugin>();
for (const name of pluginNames) {
  loaded.set(name, ((await import(`../../cmd/${name}/main.ts`)) as { plugin: AnyPlugin }).plugin);
}

const verb = fc.constantFrom("ADD", "ADD", "ADD", "DEL", "CHECK", "GC", "STATUS");

function calls({ config, env }: Stage): fc.Arbitrary<Call> {
  const text = JSON.stringify(config);
  const stdin = fc.oneof(
    fc.array(fc.tuple(path, value), { minLength: 1, maxLength: 2 }).map((changes) => {
      const changed = changes.reduce((whole: unknown, [at, by]) => replaceAt(whole, at, by), config);
      return Buffer.from(JSON.stringify(changed) ?? "");
    }),
    fc.array(cut, { minLength: 1, maxLength: 3 }).map((cuts) => Buffer.from(cuts.reduce(applyCut, Buffer.from(text)))),
    fc.constant(Buffer.from(text)),
  );
  const variable = fc.option(fc.tuple(fc.constantFrom(...variables), variableValue), { nil: undefined, freq: 2 });
  return fc
    .record({ stdin, verb, variable })
    .map(({ stdin, verb, variable }) => ({
      stdin,
      env: { ...env, CNI_COMMAND: verb, ...(variable && { [variable[0]]: variable[1] }) },
    }))
    .filter((call) => keepsPlace(config, call));
}

/** Where a plugin keeps its files is the administrator's word, which it must follow, out of here as well. */
function keepsPlace(config: Stage["config"], { stdin }: Call): boolean {
  const places = (text: string) =>
    [...text.matchAll(/"(?:dataDir|daemonSocketPath|peersFile|kernelpath)"\s*:\s*"[^"]*"/gi)].join();
  return places(stdin.toString()) === places(JSON.stringify(config));
}

function call(stage: Stage, name: string, { stdin, env }: Call): Answer {
  const plugin = loaded.get(name);
  if (plugin === undefined) throw new Error(`Cannot find ${name}`);
  const inProcess = (path: string) => (path.startsWith(`${bin}/`) ? loaded.get(basename(path)) : undefined);
  return stage.host.namespace.run(() => runPlugin(plugin, { env, stdin: () => stdin, inProcess }));
}

/** Calls, and takes back what an ADD made. @returns what is wrong with an answer. */
function tryCall(stage: Stage, name: string, attempt: Call): string | undefined {
  writeFileSync("/run/tmp/hostile-call", describeCall(attempt));
  const answer = call(stage, name, attempt);
  if (attempt.env["CNI_COMMAND"] !== "ADD" || answer.status !== 0) return judge(answer);
  const next = (verb: string) => judge(call(stage, name, { ...attempt, env: { ...attempt.env, CNI_COMMAND: verb } }));
  const [checked, deleted] = [next("CHECK"), next("DEL")];
  return judge(answer) ?? checked ?? deleted;
}

function describeCall({ stdin, env }: Call): string {
  const shown = Object.entries(env).filter(([key]) => key.startsWith("CNI_") && key !== "CNI_PATH");
  return `${shown.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(" ")} <<< ${JSON.stringify(stdin.toString("latin1"))}`;
}

/** Looking at everything is slow: after some calls at once, and where something is left, after each of them again. */
const batch = 20;

describe.each(pluginNames)("%s", (name) => {
  test(`${runs} calls: success or one CNI error, and nothing is left (seed ${seed})`, () => {
    using stage = setStage(name);
    const all = fc.sample(calls(stage), { seed, numRuns: runs });
    const problems: string[] = [];
    for (let first = 0; first < all.length; first += batch) {
      const some = all.slice(first, first + batch);
      for (const attempt of some) {
        const problem = tryCall(stage, name, attempt);
        if (problem !== undefined) problems.push(`${problem}\n  ${describeCall(attempt)}`);
      }
      const left = stage.leftovers();
      if (left.length > 0) {
        problems.push(`left: ${abridge(left)}\n  by ${findCulprit(name, some) ?? "several of the calls together"}`);
        break;
      }
    }
    expect(problems.slice(0, 5)).toEqual([]);
  });
});

function findCulprit(name: string, attempts: readonly Call[]): string | undefined {
  for (const attempt of attempts) {
    using stage = setStage(name);
    const text = attempt.stdin.toString("latin1").replaceAll(/\/run\/hostile\d+/g, stage.host.state);
    const env = { ...attempt.env };
    if (/^\/run\/netns\/hostile\d+-pod$/.test(env["CNI_NETNS"] ?? "")) env["CNI_NETNS"] = stage.netns;
    const again = { stdin: Buffer.from(text, "latin1"), env };
    tryCall(stage, name, again);
    if (stage.leftovers().length > 0) return describeCall(again);
  }
  return undefined;
}
