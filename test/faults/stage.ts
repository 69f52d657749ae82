import { existsSync, rmSync } from "node:fs";
import {
  type Answer,
  addContainer,
  callChain,
  callPlugin,
  type Host,
  makeHost,
  type PluginConfig,
  removeContainer,
  removeHost,
  type Suite,
  type Verb,
} from "../bench/host.ts";
import type { Scenario } from "./scenarios.ts";
import { compareAdded, compareSettled, lookSettled, takeSnapshot } from "./snapshot.ts";

/** A host and a container for one scenario, where all that comes before the plugin has happened. */
export interface Stage extends Disposable {
  readonly scenario: Scenario;
  readonly host: Host;
  readonly container: string;
  /** The container's namespace goes, as at the end of its last process, and comes back new. */
  removeContainer(): void;
  addContainer(): void;
  /** Calls the plugin. */
  call(verb: Verb, options?: CallOptions): Answer;
  /** The result of the plugins before it. */
  readonly result: unknown;
  /** How the host and the container differ from before the plugin was called. */
  differences(): string[];
  /** What the host, and the container unless it is not to count, have that they had not before. */
  leftovers(where: "everywhere" | "on the host"): string[];
}

export interface CallOptions {
  /** A command to run it under. */
  readonly wrapper?: readonly string[];
  /** Left out: that of the plugins before it. */
  readonly prevResult?: unknown;
  /** Another one of its list. */
  readonly plugin?: PluginConfig;
}

let count = 0;

/**
 * The plugin was called once: what it makes on a host once and for all, as directories, lock files and forwarding, is no
 * leftover.
 */
export function setStage(suite: Suite, scenario: Scenario): Stage {
  const name = `${suite.name.toLowerCase()}${count++}`;
  const { inHost = false } = scenario;
  const container = inHost ? name : `${name}-pod`;
  const host = makeHost(suite, name);
  const add = () => inHost || addContainer(container);
  const remove = () => inHost || !existsSync(`/run/netns/${container}`) || removeContainer(container);
  add();
  const result = callChain(host, "ADD", container, scenario.earlier ?? []).result;
  const call: Stage["call"] = (verb, { wrapper, prevResult = result, plugin = scenario.plugin } = {}) =>
    callPlugin(host, { verb, container, plugin, prevResult }, wrapper);
  for (const verb of ["ADD", "DEL"] as const) {
    const { status, stdout, stderr } = call(verb);
    if (status !== 0) throw new Error(`${suite.name} ${scenario.name} ${verb} failed: ${stdout}${stderr}`);
  }
  const look = () => takeSnapshot(host, `/run/netns/${container}`);
  const before = lookSettled(look);
  return {
    scenario,
    host,
    container,
    addContainer: add,
    removeContainer: remove,
    call,
    result,
    // Where so much is left as the Go suite leaves, all the waiting would be for nothing.
    differences: () => compareSettled(before, look, undefined, suite.name === "Go" ? 1500 : undefined),
    leftovers(where) {
      const counts = (fact: string) => where === "everywhere" || !fact.startsWith("container ");
      return compareSettled(before, () => new Set([...look()].filter(counts)), compareAdded);
    },
    [Symbol.dispose]() {
      remove();
      removeHost(host);
      for (const path of ["/run/berth", "/run/cni"]) rmSync(path, { recursive: true, force: true });
    },
  };
}
