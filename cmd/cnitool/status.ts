import type { Command } from "commander";
import { queryStatus } from "../../src/cni/runner.ts";
import { addRunnerOptions, createRunner, openNetwork, type RunnerOptions } from "./runtime.ts";
import type { Tool } from "./tool.ts";

export function registerStatus(program: Command, tool: Tool): void {
  const command = program
    .command("status <network> [netns]")
    .description("fail unless a network can take attachments now (cniVersion 1.1.0; earlier ones always can)");
  addRunnerOptions(command).action((network: string, _netns: string | undefined, options: RunnerOptions) => {
    queryStatus(createRunner(tool, options), openNetwork(tool, network));
  });
}
