import type { Answer, Suite } from "../bench/host.ts";
import { errors, failedOther, injecting, readCalls, type SystemCall, tracing } from "./calls.ts";
import { shuffle } from "./random.ts";
import type { Scenario } from "./scenarios.ts";
import { abridge } from "./snapshot.ts";
import { type Stage, setStage } from "./stage.ts";

/** What came of failing calls of one plugin, one call a run. */
export interface Report {
  readonly suite: Suite["name"];
  readonly scenario: string;
  /** That were made to fail, of as many that the plugin makes. */
  tried: number;
  calls: number;
  /** Runs of which something was left, with what it was. */
  readonly leaks: string[];
  /** Answers other than one CNI error, and calls after it that failed. */
  readonly faults: string[];
}

export interface Bounds {
  readonly seed: number;
  /** How many runs at most, and for how many milliseconds. */
  readonly runs: number;
  readonly milliseconds: number;
}

const output = "/run/strace";

/** A run that takes long tells what it found at once. */
function note(list: string[], what: string): void {
  list.push(what);
  process.stderr.write(`${what}\n`);
}

/**
 * Each run: an ADD in which one call fails, a DEL, an ADD, a DEL in which one call fails, and a DEL where that failed.
 * After the failed ADD and after the last DEL, all must be as it was.
 */
export function failCalls(suite: Suite, scenario: Scenario, { seed, runs, milliseconds }: Bounds): Report {
  const report: Report = { suite: suite.name, scenario: scenario.name, tried: 0, calls: 0, leaks: [], faults: [] };
  const isThreaded = suite.name === "Go";
  let stage = setStage(suite, scenario);
  using _ = { [Symbol.dispose]: () => stage[Symbol.dispose]() };

  const [adding, deleting] = (["ADD", "DEL"] as const).map((verb) => {
    stage.call(verb, { wrapper: tracing(isThreaded, output) });
    return readCalls(output);
  }) as [SystemCall[], SystemCall[]];
  report.calls = adding.length + deleting.length;
  const [adds, dels] = [shuffle(adding, seed), shuffle(deleting, seed)];
  const end = performance.now() + milliseconds;

  for (let i = 0; i < Math.min(runs, Math.max(adds.length, dels.length)) && performance.now() < end; i++) {
    let isClean = true;
    const judge = (call: SystemCall, verb: string) => {
      const left = stage.differences();
      if (left.length > 0) note(report.leaks, `${verb} with ${text(call)} failing: ${abridge(left)}`);
      isClean &&= left.length === 0;
    };
    const callFailing = (verb: "ADD" | "DEL", call: SystemCall) => {
      const wrapper = injecting(isThreaded, output, call, `error=${errors[call.kind]}`);
      const answer = stage.call(verb, { wrapper });
      const complaint = failedOther(output) ? undefined : complain(answer);
      if (complaint !== undefined) note(report.faults, `${verb} with ${text(call)} failing: ${complaint}`);
      return answer.status;
    };
    const [add, del] = [adds[i], dels[i]];
    if (add !== undefined) {
      report.tried++;
      const status = callFailing("ADD", add);
      // Ended by a signal, it could not clean up.
      if (status !== 0 && status !== null) judge(add, "ADD");
      mustCall(stage, "DEL", report, add);
      if (status === 0 || status === null) judge(add, "ADD, then DEL");
    }
    mustCall(stage, "ADD", report, add);
    if (del !== undefined) {
      report.tried++;
      if (callFailing("DEL", del) !== 0) mustCall(stage, "DEL", report, del);
      judge(del, "DEL");
    } else mustCall(stage, "DEL", report, add);
    if (!isClean) {
      stage[Symbol.dispose]();
      stage = setStage(suite, scenario);
    }
  }
  return report;
}

function mustCall(stage: Stage, verb: "ADD" | "DEL", { faults }: Report, call: SystemCall | undefined): void {
  const { status, stdout, stderr } = stage.call(verb);
  if (status !== 0) note(faults, `${verb} after ${text(call)} failed: ${stdout}${stderr}`);
}

function text(call: SystemCall | undefined): string {
  return `${call?.kind} ${call?.ordinal}`;
}

/** What is wrong with an answer: it is success, or one CNI error in words. */
function complain({ status, stdout, stderr }: Answer): string | undefined {
  if (status === 0) return undefined;
  try {
    const { code, msg } = JSON.parse(stdout) as { code?: unknown; msg?: unknown };
    const isError = typeof code === "number" && code > 0 && typeof msg === "string" && msg !== "";
    if (isError && status === 1 && !/TypeError|undefined|Cannot read prop/.test(msg)) return undefined;
  } catch {}
  return `ended with ${status}: ${JSON.stringify(stdout)} ${JSON.stringify(stderr.slice(0, 500))}`;
}
