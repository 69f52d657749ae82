// What goes wrong on a node, made to go wrong; see run. Prints TAP.
import { parseArgs } from "node:util";
import { suites } from "../bench/host.ts";
import { bridgeDoesItAll, chainOfFive } from "../bench/networks.ts";
import { formatMarkdown } from "../bench/table.ts";
import { killAnswered } from "./answered.ts";
import { disrupt, disruptions } from "./disruption.ts";
import { type Bounds, failCalls, type Report } from "./injection.ts";
import { killAnywhere } from "./kill.ts";
import { crowd, describeWaits, type Load, stand } from "./load.ts";
import { scenarios } from "./scenarios.ts";
import { describeSize, soak } from "./soak.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    full: { type: "boolean", default: false },
    seed: { type: "string", default: "5" },
    kills: { type: "string" },
    cycles: { type: "string", default: "10" },
  },
});
const seed = Number(values.seed);
const isWanted = (name: string) => positionals.length === 0 || positionals.some((word) => name.includes(word));
const print = (text: string) => console.log(text.replaceAll(/^/gm, "# "));

let tests = 0;

async function test(name: string, body: () => readonly string[] | Promise<readonly string[]>): Promise<void> {
  if (!isWanted(name)) return;
  const start = performance.now();
  let problems: readonly string[];
  try {
    problems = await body();
  } catch (error) {
    problems = [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  }
  const milliseconds = Math.round(performance.now() - start);
  console.log(`${problems.length === 0 ? "ok" : "not ok"} ${++tests} ${name} in ${milliseconds}ms`);
  for (const problem of problems) print(problem);
}

print(`seed ${seed}`);
const bounds: Bounds = values.full
  ? { seed, runs: Number.POSITIVE_INFINITY, milliseconds: 20 * 60_000 }
  : { seed, runs: 8, milliseconds: 5000 };

const killBounds: Bounds = values.full
  ? { seed, runs: Number(values.kills ?? 40), milliseconds: Number.POSITIVE_INFINITY }
  : { seed, runs: Number(values.kills ?? 3), milliseconds: 3000 };

const reports: Report[] = [];
for (const scenario of scenarios) {
  await test(`faults: ${scenario.name}: a system call fails, and nothing is left`, () => {
    const report = failCalls(suites.berth, scenario, bounds);
    reports.push(report);
    if (values.full && scenario.only === undefined)
      reports.push(failCalls(suites.go, scenario, { ...bounds, milliseconds: 2 * 60_000 }));
    return [...report.leaks, ...report.faults];
  });
}
if (reports.length > 0) {
  const head = ["scenario", "suite", "calls", "tried", "leaks", "other faults"];
  const cells = reports.map(({ scenario, suite, calls, tried, leaks, faults }) => {
    return [scenario, suite, ...[calls, tried, leaks.length, faults.length].map(String)];
  });
  print(formatMarkdown(head, cells));
}

/** By scenario: how often it was killed, and what was left. */
const killed = new Map<string, { kills: number; problems: number }[]>();
for (const scenario of scenarios) {
  for (const after of scenario.endsWithContainer ? (["DEL"] as const) : (["DEL", "GC"] as const)) {
    await test(`kill: ${scenario.name}: killed at random moments, then ${after}: nothing is left`, () => {
      const { kills, problems } = killAnywhere(scenario, after, killBounds);
      killed.getOrInsertComputed(scenario.name, () => []).push({ kills, problems: problems.length });
      return problems;
    });
  }
}
if (killed.size > 0) {
  const head = ["scenario", "kills, then DEL", "leaks", "kills, then GC alone", "leaks"];
  const cells = [...killed].map(([name, runs]) => [
    name,
    ...[0, 1].flatMap((i) => [runs[i]?.kills, runs[i]?.problems]).map((count) => String(count ?? "")),
  ]);
  const sums = [0, 1].flatMap((i) =>
    (["kills", "problems"] as const).map((key) =>
      [...killed.values()].reduce((sum, runs) => sum + (runs[i]?.[key] ?? 0), 0),
    ),
  );
  print(formatMarkdown(head, [...cells, ["all", ...sums.map(String)]]));
}

const answered = scenarios.find(({ name }) => name === "bridge with everything");
if (answered) {
  await test("kill: plugins that an agent answers for, and its workers, at random moments, then DEL: nothing is left", async () => {
    const runs = values.full ? Number(values.kills ?? 300) : Number(values.kills ?? 20);
    const { kills, problems } = await killAnswered(answered, { seed, runs, milliseconds: Number.POSITIVE_INFINITY });
    print(`${kills} kills`);
    return problems;
  });
}

for (const scenario of scenarios.filter(({ name }) => name in disruptions)) {
  await test(`disruption: ${scenario.name}: CHECK names what somebody else did, and DEL cleans up`, () =>
    disrupt(scenario));
}

const [atOnce, standing] = values.full ? [100, 500] : [20, 40];
const networks = { "a chain of five": chainOfFive, "one plugin that does it all": bridgeDoesItAll };
const describeLoad = (name: string, { adds, dels }: Load) =>
  print(`${name}: ADD ${describeWaits(adds)}; DEL ${describeWaits(dels)}`);
for (const [name, makePlugins] of Object.entries(networks)) {
  await test(`load: ${atOnce} ADDs at once of ${name}; DELs, ADDs, CHECKs and GCs at once; DELs at once`, async () => {
    const load = await crowd(suites.berth, makePlugins, atOnce);
    describeLoad("Berth", load);
    if (values.full && makePlugins === chainOfFive) describeLoad("Go", await crowd(suites.go, makePlugins, atOnce));
    return load.problems;
  });
}
await test(`load: ${atOnce} ADDs at once of a chain of five, and so on, with an agent`, async () => {
  const load = await crowd(suites.berth, chainOfFive, atOnce, true);
  describeLoad("Berth with an agent", load);
  return load.problems;
});
await test(`load: ${standing} pods on one node all answer, and all go`, async () => {
  const load = await stand(suites.berth, bridgeDoesItAll, standing);
  describeLoad("Berth", load);
  return load.problems;
});

for (const [name, makePlugins] of Object.entries(networks)) {
  await test(`soak: ${values.cycles} times ADD, CHECK and DEL of ${name}: nothing grows`, () => {
    const { problems, before, after, milliseconds } = soak(makePlugins, Number(values.cycles));
    print(
      `${(milliseconds / 1000).toFixed(0)} s; at the start ${describeSize(before)}, at the end ${describeSize(after)}`,
    );
    return problems;
  });
}

console.log(`1..${tests}`);
