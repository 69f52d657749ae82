import type { Disagreement } from "./facts.ts";

/** A difference between the suites that is meant. */
export interface Difference {
  /** The fact's key, as the failing test prints it. */
  readonly fact: RegExp;
  /** What the Go suite says; `null`: the fact is absent. Left out: anything. */
  readonly go?: RegExp | null;
  /** What Berth says, likewise. */
  readonly berth?: RegExp | null;
  readonly why: string;
}

/** For a case whose configuration only Berth serves, so that nothing else can be compared. */
export function refusedByGo(why: string): Difference[] {
  return [
    { fact: /^1\. ADD c1$/, go: /^fails$/, berth: /^succeeds$/, why },
    { fact: /./, why: "follows from it" },
  ];
}

/** For a DEL after an ADD that found a link of the container's in its way. */
export const leavesForeignLinks: Difference = {
  fact: /^released c1 (link|sysctl|address|route) /,
  go: null,
  why: "the Go suite's DEL deletes the container's link of that name, whoever made it",
};

export function explains(difference: Difference, { key, go, berth }: Disagreement): boolean {
  return difference.fact.test(key) && fits(difference.go, go) && fits(difference.berth, berth);
}

function fits(expected: RegExp | null | undefined, found: string | undefined): boolean {
  if (expected === undefined) return true;
  if (expected === null) return found === undefined;
  return found !== undefined && expected.test(found);
}
