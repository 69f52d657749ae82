import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { shuffle } from "../faults/random.ts";
import { abridge } from "../faults/snapshot.ts";
import { judge } from "./answer.ts";
import { pluginNames } from "./configs.ts";
import { hostileInputs, hostileVariables, type Input } from "./inputs.ts";
import { isFull, seed } from "./options.ts";
import { bin, type Stage, setStage } from "./stage.ts";

/** Kilobytes that a plugin may take for any of the inputs: what it takes for none, and thirty times 10 MB. */
const maxMemory = (70 + 30 * 10) * 1024;

beforeAll(() => {
  spawnSync("mkfifo", ["/run/tmp/fifo"]);
  // A directory where a plugin is looked for.
  mkdirSync("/run/tmp/host-local");
});

/** Calls the verb, and DEL after an ADD that went well. @returns what is wrong with an answer. */
function tryInput({ run, env, config }: Stage, { title, stdin, env: variables = env }: Input): string[] {
  const executable = `${bin}/${config["type"]}`;
  const call = (CNI_COMMAND: string) => {
    const answer = run("/usr/bin/time", stdin, { ...variables, CNI_COMMAND }, ["--format", "%M", executable]);
    if (answer.status === null) return { status: null, problems: [`${title}: ${answer.stderr}`] };
    // The last line is that of time; before it, one for a status other than 0.
    const lines = answer.stderr.trimEnd().split("\n");
    const memory = Number(lines.pop());
    const stderr = lines.filter((line) => !line.startsWith("Command exited")).join("\n");
    // Without a verb, a plugin tells people what it is.
    const problem = CNI_COMMAND === "" ? undefined : judge({ ...answer, stderr });
    const large = memory < maxMemory ? undefined : `${memory} KB of memory`;
    return { status: answer.status, problems: [problem, large].flatMap((text) => (text ? [`${title}: ${text}`] : [])) };
  };
  const verb = variables["CNI_COMMAND"] ?? "";
  const { status, problems } = call(verb);
  return verb === "ADD" && status === 0 ? [...problems, ...call("DEL").problems] : problems;
}

/** These get every input; the others, which read theirs by the same code, a few of them where time is short. */
const thorough = ["bridge", "host-local", "vxlan"];
const few = 10;

test.each(pluginNames)(
  `%s: success or one CNI error, at once and in little memory, and nothing is left (seed ${seed})`,
  (name) => {
    using stage = setStage(name);
    const all = [...hostileInputs(stage.config), ...hostileVariables(stage.config, stage.env)];
    const inputs =
      isFull || thorough.includes(name) ? all : shuffle(all, seed + pluginNames.indexOf(name)).slice(0, few);
    const problems = inputs.flatMap((input) => tryInput(stage, input));
    const left = stage.leftovers();
    if (left.length > 0) problems.push(`left: ${abridge(left)}`);
    expect(problems).toEqual([]);
  },
);
