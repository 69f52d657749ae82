import type { Command } from "commander";
import { validateNetwork } from "../../src/cni/probe.ts";
import { addRunnerOptions, createRunner, openNetwork, type RunnerOptions } from "./runtime.ts";
import type { Tool } from "./tool.ts";

export function registerValidate(program: Command, tool: Tool): void {
  const command = program
    .command("validate <network>")
    .description("fail unless all plugins of a network are there and support its version; print their capabilities");
  addRunnerOptions(command).action((network: string, options: RunnerOptions) => {
    const capabilities = validateNetwork(createRunner(tool, options), openNetwork(tool, network));
    tool.print(capabilities.map((capability) => `${capability}\n`).join(""));
  });
}
