// Runs all suites, or those named as arguments, two at a time; the last line says how many tests passed and failed.
import { availableParallelism } from "node:os";
import { execa } from "execa";
import { root } from "../build/paths.ts";

interface Suite {
  readonly name: string;
  /** Prints TAP, unless `isOne`. */
  readonly command: readonly [string, ...string[]];
  /** The command as a whole is one test. */
  readonly isOne?: boolean;
}

const jobs = String(availableParallelism());

/** In this order, the build between the two: it is of no use to test executables of sources that are wrong. */
const gates: readonly Suite[] = [
  { name: "types", command: ["npm", "run", "--silent", "typecheck"], isOne: true },
  { name: "lint", command: ["npm", "run", "--silent", "lint"], isOne: true },
  { name: "unused", command: ["knip"], isOne: true },
  { name: "unit", command: ["vitest", "run", "--reporter=tap-flat"] },
  { name: "build", command: ["npm", "run", "--silent", "build"], isOne: true },
];

/** The longest first. */
const suites: readonly Suite[] = [
  { name: "kernel", command: ["test/kernel/run"] },
  { name: "netns", command: ["node_modules/bats/bin/bats", "--tap", "--timing", "--jobs", jobs, "test/netns"] },
  { name: "runtime", command: ["test/runtime/run"] },
  { name: "faults", command: ["test/faults/run"] },
  { name: "hostile", command: ["test/hostile/run", "--reporter=tap-flat", "--retry=1"] },
  { name: "oracle", command: ["test/oracle/run", "--reporter=tap-flat", "--retry=1"] },
];

type Outcome = "passed" | "failed" | "skipped";

/** Every test of the suites that ran so far. */
const tests: { suite: string; name: string; outcome: Outcome }[] = [];

function numberOf(outcome: Outcome): number {
  return tests.filter((test) => test.outcome === outcome).length;
}

async function run({ name: suite, command: [file, ...args], isOne = false }: Suite): Promise<void> {
  const start = performance.now();
  const child = execa(file, args, {
    cwd: root,
    preferLocal: true,
    reject: false,
    buffer: false,
    all: true,
    stdin: "ignore",
    // A suite that hangs has failed, well before a CI's own limit.
    timeout: 40 * 60_000,
    // A packet can be late on a busy machine: what fails is tried once more, and has failed if it does so again.
    env: { BATS_TEST_TIMEOUT: "300", TEST_RETRIES: "1", NO_COLOR: "1" },
  });
  const outcomes = new Set<Outcome>();
  const note = (outcome: Outcome, name: string) => {
    outcomes.add(outcome);
    tests.push({ suite, name, outcome });
  };
  for await (const line of child.iterable({ from: "all" })) {
    console.log(`${suite} | ${line}`);
    const [, not, name] = /^(not )?ok \d+ (?:- )?(.*)/.exec(line) ?? [];
    if (!isOne && name !== undefined) note(not ? "failed" : / # skip/i.test(name) ? "skipped" : "passed", name);
  }
  const { failed, exitCode, signal } = await child;
  if (isOne) note(failed ? "failed" : "passed", [file, ...args].join(" "));
  else if (failed && !outcomes.has("failed")) note("failed", `ended with ${signal ?? exitCode}`);
  else if (outcomes.size === 0) note("failed", "ran no test");
  console.log(`${suite} | ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

/** Runs suites in order, as many at once as there are lanes. */
async function runAll(list: readonly Suite[], lanes: number): Promise<void> {
  const queue = [...list];
  const lane = async () => {
    for (let suite = queue.shift(); suite !== undefined; suite = queue.shift()) await run(suite);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

const names = process.argv.slice(2);
const isWanted = ({ name }: Suite) => names.length === 0 || names.includes(name);
await runAll(gates.filter(isWanted), 1);
if (tests.some(({ suite, outcome }) => suite === "build" && outcome === "failed"))
  console.log("Nothing is built to test");
else await runAll(suites.filter(isWanted), 2);

const [passed, failed, skipped] = [numberOf("passed"), numberOf("failed"), numberOf("skipped")];
for (const { suite, name, outcome } of tests) if (outcome === "failed") console.log(`FAILED ${suite}: ${name}`);
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exitCode = failed > 0 || tests.length === 0 ? 1 : 0;
