import type { Command } from "commander";
import { formatJson } from "../../src/cni/json.ts";
import { addNetwork } from "../../src/cni/runner.ts";
import { addTargetOptions, createRunner, describeTarget, openNetwork, type TargetOptions } from "./runtime.ts";
import type { Tool } from "./tool.ts";

export function registerAdd(program: Command, tool: Tool): void {
  const command = program
    .command("add <network> <netns>")
    .description("attach a network namespace to a network, and print the result");
  addTargetOptions(command).action((network: string, netns: string, options: TargetOptions) => {
    const list = openNetwork(tool, network);
    tool.print(formatJson(addNetwork(createRunner(tool, options), list, describeTarget(tool, netns, options))));
  });
}
