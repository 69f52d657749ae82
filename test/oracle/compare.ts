import { execaSync } from "execa";
import { expect, test } from "vitest";
import { versionAtLeast } from "../../src/cni/version.ts";
import { type Answer, type Attachment, callChain } from "./call.ts";
import { type Case, type Need, needs } from "./case.ts";
import { tryConnections } from "./connections.ts";
import { type Difference, explains } from "./difference.ts";
import { addFacts, type Disagreement, disagreements, type Facts, flatten } from "./facts.ts";
import { known, knownOfFailures } from "./known.ts";
import { createMachine, runScript } from "./machine.ts";
import { takeSnapshot } from "./snapshot.ts";
import { type Suite, suites } from "./suite.ts";

/** A test for each case: both suites, in equal namespaces, leave the same facts, but for the differences that are meant. */
export function compareSuites(cases: readonly Case[]): void {
  for (const oracle of cases) {
    const missing = oracle.needs !== undefined && !kernelHas(oracle.needs);
    if (missing) {
      // TAP shows no reason but a title's.
      test.skip(`${oracle.title} (this kernel lacks ${oracle.needs})`);
      continue;
    }
    test.concurrent(oracle.title, async () => {
      const [go, berth] = await Promise.all([runCase(suites.go, oracle), runCase(suites.berth, oracle)]);
      const own = oracle.differs ?? [];
      const expected = [...own, ...known, ...(go.added || berth.added ? [] : knownOfFailures)];
      const met = new Set<Difference>();
      const unexplained: Disagreement[] = [];
      for (const pair of disagreements(go.facts, berth.facts)) {
        const difference = expected.find((candidate) => explains(candidate, pair));
        if (difference === undefined) unexplained.push(pair);
        else met.add(difference);
      }
      const missing = own.filter((difference) => !met.has(difference));
      if (unexplained.length + missing.length > 0)
        expect.fail(report(unexplained, missing, [...go.said, ...berth.said]));
    });
  }
}

export interface Run {
  readonly facts: Facts;
  /** Whether any ADD succeeded. */
  readonly added: boolean;
  /** Errors in the suite's own words, for the report only. */
  readonly said: readonly string[];
}

/** What a case leaves with one suite. */
export async function runCase(suite: Suite, { version = "1.0.0", ...oracle }: Case): Promise<Run> {
  const plugins = [(suite.name === "Go" && oracle.goInstead?.plugins) || oracle.plugins].flat();
  const attachments = new Map(
    Object.entries(oracle.attachments ?? { c1: {} }).map(([key, options]): [string, Attachment] => {
      const [container = "", ifname = "eth0"] = key.split("/");
      return [key, { container, ifname, ...options }];
    }),
  );
  const containers = new Set([...attachments.values()].map(({ container }) => container));
  await using machine = await createMachine(suite, [...containers, ...(oracle.bystanders ?? [])]);
  if (oracle.setup !== undefined) await runScript(machine, "host", oracle.setup);

  const calls: { step: string; answer: Answer }[] = [];
  const call = async (step: string) => {
    const [verb = "", key = ""] = step.split(" ");
    const attachment = attachments.get(key);
    if (attachment === undefined) throw new Error(`Cannot run "${step}": no attachment ${key}`);
    calls.push({ step, answer: await callChain(machine, verb, attachment, plugins, version) });
  };
  const keys = [...attachments.keys()];
  const checks = versionAtLeast(version, "0.4.0") ? keys.map((key) => `CHECK ${key}`) : [];
  for (const step of oracle.steps ?? [...keys.map((key) => `ADD ${key}`), ...checks]) await call(step);
  const attached = await takeSnapshot(machine, JSON.stringify(oracle));
  const answers = oracle.connections ? await tryConnections(machine, oracle.connections) : [];
  for (const key of keys.toReversed()) await call(`DEL ${key}`);
  const released = await takeSnapshot(machine, JSON.stringify(oracle));
  for (const key of keys) await call(`DEL ${key}`);

  const facts: Facts = new Map();
  const said: string[] = [];
  for (const [i, { step, answer }] of calls.entries()) {
    facts.set(`${i + 1}. ${step}`, answer.ok ? "succeeds" : "fails");
    const words = JSON.parse(attached.translate(JSON.stringify(answer.output ?? null)));
    if (!answer.ok) said.push(`${suite.name}: ${i + 1}. ${step}: ${JSON.stringify(words)}`);
    else if (answer.output !== undefined) addFacts(facts, `${i + 1}. ${step}`, flatten("", words));
  }
  addFacts(facts, "attached", attached.facts);
  addFacts(facts, "attached", answers);
  addFacts(facts, "released", released.facts);
  return { facts, added: calls.some(({ step, answer }) => step.startsWith("ADD") && answer.ok), said };
}

const probed = new Map<Need, boolean>();

function kernelHas(need: Need): boolean {
  const known = probed.get(need);
  if (known !== undefined) return known;
  const { failed } = execaSync("unshare", ["--net", "sh", "-ec", needs[need]], { reject: false });
  probed.set(need, !failed);
  return !failed;
}

function report(unexplained: readonly Disagreement[], absent: readonly Difference[], said: readonly string[]): string {
  return [
    "the suites differ",
    ...unexplained.flatMap(({ key, go, berth }) => [key, `    Go:    ${go ?? "-"}`, `    Berth: ${berth ?? "-"}`]),
    ...absent.map(({ fact, why }) => `did not occur: ${fact} (${why})`),
    ...said,
  ].join("\n");
}
