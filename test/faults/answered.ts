import { startAgent } from "../bench/agent.ts";
import { startPlugin, suites, type Verb } from "../bench/host.ts";
import { randomNumbers } from "../netns/host-local/call.ts";
import type { Bounds } from "./injection.ts";
import type { Scenario } from "./scenarios.ts";
import { abridge } from "./snapshot.ts";
import { setStage } from "./stage.ts";

/** How long a call takes at most, nearly always, in milliseconds. */
const longest: Partial<Record<Verb, number>> = { ADD: 15, DEL: 50 };

/**
 * kill -9 at random moments of ADD and of DEL that an agent answers: of the plugin's process, or of the worker that
 * answers for it. Then DEL.
 *
 * @returns what was left, and by which kill; `kills` counts them.
 */
export async function killAnswered(
  scenario: Scenario,
  { seed, runs, milliseconds }: Bounds,
): Promise<{ readonly kills: number; readonly problems: string[] }> {
  const problems: string[] = [];
  const random = randomNumbers(seed);
  using stage = setStage(suites.berth, scenario);
  const agent = await startAgent(stage.host, "--workers", "1");
  const { container, host, result: prevResult } = stage;
  const end = performance.now() + milliseconds;
  let kills = 0;
  for (; kills < runs && performance.now() < end; kills++) {
    const verb = random() < 0.5 ? "ADD" : "DEL";
    const victim = random() < 0.5 ? "plugin" : "worker";
    const delay = random() * (longest[verb] ?? 0);
    if (verb === "DEL") stage.call("ADD");
    await startPlugin(host, { verb, container, plugin: scenario.plugin, prevResult }, ({ pid = 0 }) => {
      setTimeout(() => kill(victim === "plugin" ? [pid] : agent.workers()), delay);
    });
    const where = `${verb}, its ${victim} killed after ${delay.toFixed(1)} ms`;
    const { status, stdout, stderr } = stage.call("DEL");
    if (status !== 0) problems.push(`${where}: DEL failed: ${stdout}${stderr}`);
    const left = stage.leftovers("everywhere");
    if (left.length > 0) problems.push(`${where}: ${abridge(left)}`);
    const again = stage.call("ADD");
    if (again.status !== 0) problems.push(`${where}: ADD failed: ${again.stdout}`);
    stage.call("DEL");
    if (problems.length > 0) break;
  }
  await agent.stop();
  return { kills, problems };
}

/** Who has ended meanwhile was quicker. */
function kill(processes: readonly number[]): void {
  for (const pid of processes) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {}
  }
}
