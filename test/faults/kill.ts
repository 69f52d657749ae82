import { suites } from "../bench/host.ts";
import { injecting, readCalls, tracing } from "./calls.ts";
import type { Bounds } from "./injection.ts";
import { shuffle } from "./random.ts";
import type { Scenario } from "./scenarios.ts";
import { abridge } from "./snapshot.ts";
import { setStage } from "./stage.ts";

const output = "/run/strace";

/**
 * kill -9 at random moments of ADD and of DEL, then what is to clear up: a DEL; or, for a node that lost its runtime's
 * memory, GC alone, when the container's namespace is gone.
 *
 * @returns what was left, and by which kill; `kills` counts them.
 */
export function killAnywhere(
  scenario: Scenario,
  after: "DEL" | "GC",
  { seed, runs, milliseconds }: Bounds,
): { readonly kills: number; readonly problems: string[] } {
  const problems: string[] = [];
  let stage = setStage(suites.berth, scenario);
  using _ = { [Symbol.dispose]: () => stage[Symbol.dispose]() };
  const moments = (["ADD", "DEL"] as const).flatMap((verb) => {
    stage.call(verb, { wrapper: tracing(false, output) });
    return readCalls(output).map((call) => ({ verb, call }));
  });
  const plugins = [...(scenario.earlier ?? []), scenario.plugin];
  const end = performance.now() + milliseconds;
  let kills = 0;
  for (const { verb, call } of shuffle(moments, seed).slice(0, runs)) {
    if (performance.now() > end) break;
    if (verb === "DEL") stage.call("ADD");
    stage.call(verb, { wrapper: injecting(false, output, call, "signal=KILL") });
    kills++;
    if (after === "GC") stage.removeContainer();
    const answers = after === "DEL" ? [stage.call("DEL")] : plugins.map((plugin) => stage.call("GC", { plugin }));
    // What the plugins before it made goes by GC as well.
    const left = stage.leftovers(after === "GC" ? "on the host" : "everywhere");
    const where = `${verb} killed before ${call.kind} ${call.ordinal}`;
    for (const { status, stdout, stderr } of answers) {
      if (status !== 0) problems.push(`${where}: ${after} failed: ${stdout}${stderr}`);
    }
    if (left.length > 0) problems.push(`${where}, after ${after}: ${abridge(left)}`);
    let isFit = left.length === 0;
    if (after === "GC" && scenario.earlier !== undefined) isFit = false;
    else {
      if (after === "GC") stage.addContainer();
      const again = stage.call("ADD");
      if (again.status !== 0) problems.push(`${where}, after ${after}: ADD failed: ${again.stdout}`);
      isFit &&= again.status === 0 && stage.call("DEL").status === 0;
    }
    if (!isFit) {
      stage[Symbol.dispose]();
      stage = setStage(suites.berth, scenario);
    }
  }
  return { kills, problems };
}
