// What goes wrong on a node, made to go wrong; see run. Prints TAP.
import { parseArgs } from "node:util";
import { suites } from "../bench/host.ts";
import { disrupt, disruptions } from "./disruption.ts";
import { type Bounds, failCalls, type Report } from "./injection.ts";
import { killAnywhere } from "./kill.ts";
import { crowd, describeWaits } from "./load.ts";
import { scenarios } from "./scenarios.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { full: { type: "boolean", default: false }, seed: { type: "string" } },
});
const seed = Number(values.seed ?? 5);
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
  : { seed, runs: 8, milliseconds: 8000 };

const killBounds: Bounds = values.full
  ? { seed, runs: 40, milliseconds: 10 * 60_000 }
  : { seed, runs: 3, milliseconds: 3000 };

const reports: Report[] = [];
for (const scenario of scenarios) {
  await test(`faults: ${scenario.name}: a system call fails, and nothing is left`, () => {
    const report = failCalls(suites.berth, scenario, bounds);
    reports.push(report);
    if (values.full && scenario.only === undefined)
      reports.push(failCalls(suites.go, scenario, { ...bounds, runs: 40 }));
    return [...report.leaks, ...report.faults];
  });
}
for (const { suite, scenario, tried, calls, leaks, faults } of reports)
  print(
    `${suite.padEnd(6)}${scenario.padEnd(24)}${tried} of ${calls} calls failed, ${leaks.length} leaks, ${faults.length} other faults`,
  );

for (const scenario of scenarios) {
  for (const after of ["DEL", "GC"] as const) {
    await test(`kill: ${scenario.name}: killed at random moments, then ${after}: nothing is left`, () => {
      const { kills, problems } = killAnywhere(scenario, after, killBounds);
      print(`${scenario.name} was killed ${kills} times`);
      return problems;
    });
  }
}

for (const scenario of scenarios.filter(({ name }) => name in disruptions)) {
  await test(`disruption: ${scenario.name}: CHECK names what somebody else did, and DEL cleans up`, () =>
    disrupt(scenario));
}

const pods = values.full ? 100 : 20;
await test(`load: ${pods} ADDs at once, DELs, ADDs, CHECKs and GCs at once, DELs at once`, async () => {
  const { problems, waits } = await crowd(suites.berth, pods);
  print(`Berth, one plugin: ${describeWaits(waits)}`);
  if (values.full) print(`Go, five plugins: ${describeWaits((await crowd(suites.go, pods)).waits)}`);
  return problems;
});

console.log(`1..${tests}`);
