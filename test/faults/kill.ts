import { addContainer, removeContainer, suites } from "../bench/host.ts";
import { injecting, readCalls, tracing } from "./calls.ts";
import type { Bounds } from "./injection.ts";
import { shuffle } from "./random.ts";
import type { Scenario } from "./scenarios.ts";
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
  const end = performance.now() + milliseconds;
  let kills = 0;
  for (const { verb, call } of shuffle(moments, seed).slice(0, runs)) {
    if (performance.now() > end) break;
    if (verb === "DEL") stage.call("ADD");
    stage.call(verb, { wrapper: injecting(false, output, call, "signal=KILL") });
    kills++;
    // A plugin's GC does not touch what another plugin of the list made, so then the container has to stay.
    const isLost = after === "GC" && scenario.earlier === undefined;
    if (isLost) removeContainer(stage.container);
    const { status, stdout, stderr } = stage.call(after);
    const left = stage.leftovers(after === "GC" ? "on the host" : "everywhere");
    const where = `${verb} killed before ${call.kind} ${call.ordinal}`;
    if (status !== 0) problems.push(`${where}: ${after} failed: ${stdout}${stderr}`);
    if (left.length > 0) problems.push(`${where}, after ${after}: ${left.slice(0, 6).join("\n  ")}`);
    if (isLost) addContainer(stage.container);
    else if (after === "GC") stage.call("DEL");
    const again = stage.call("ADD");
    if (again.status !== 0) problems.push(`${where}, after ${after}: ADD failed: ${again.stdout}`);
    stage.call("DEL");
    if (left.length > 0 || again.status !== 0) {
      stage[Symbol.dispose]();
      stage = setStage(suites.berth, scenario);
    }
  }
  return { kills, problems };
}
