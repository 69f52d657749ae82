// What goes wrong on a node, made to go wrong; see run. Prints TAP.
import { parseArgs } from "node:util";
import { suites } from "../bench/host.ts";
import { type Bounds, failCalls, type Report } from "./injection.ts";
import { scenarios } from "./scenarios.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { full: { type: "boolean", default: false }, seed: { type: "string" } },
});
const seed = Number(values.seed ?? Date.now() % 1e6);
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
  : { seed, runs: 12, milliseconds: 12_000 };

const reports: Report[] = [];
for (const scenario of scenarios) {
  await test(`faults: ${scenario.name}: a system call fails, and nothing is left`, () => {
    const report = failCalls(suites.berth, scenario, bounds);
    reports.push(report);
    if (values.full && scenario.only === undefined) reports.push(failCalls(suites.go, scenario, bounds));
    return [...report.leaks, ...report.faults];
  });
}
for (const { suite, scenario, tried, calls, leaks, faults } of reports)
  print(
    `${suite.padEnd(6)}${scenario.padEnd(24)}${tried} of ${calls} calls failed, ${leaks.length} leaks, ${faults.length} other faults`,
  );

console.log(`1..${tests}`);
