import type { Command } from "commander";
import { suiteVersion } from "../../src/cni/about.ts";
import { queryVersions } from "../../src/cni/probe.ts";
import { versions } from "../../src/cni/version.ts";
import { addRunnerOptions, createRunner, openNetwork, type RunnerOptions } from "./runtime.ts";
import type { Tool } from "./tool.ts";

export function registerVersion(program: Command, tool: Tool): void {
  const command = program
    .command("version [network] [netns]")
    .description("print the versions of the CNI specification that each plugin of a network supports, or cnitool does");
  addRunnerOptions(command).action((network: string | undefined, _netns: unknown, options: RunnerOptions) => {
    if (network === undefined) {
      tool.print(`cnitool ${suiteVersion}\nCNI protocol versions supported: ${versions.join(", ")}\n`);
      return;
    }
    const runner = createRunner(tool, options);
    for (const { type } of openNetwork(tool, network).plugins) {
      tool.print(`${type}: ${queryVersions(runner, type).join(", ")}\n`);
    }
  });
}
