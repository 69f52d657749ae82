import type { Command } from "commander";
import { delNetwork } from "../../src/cni/runner.ts";
import { addTargetOptions, createRunner, describeTarget, openNetwork, type TargetOptions } from "./runtime.ts";
import type { Tool } from "./tool.ts";

export function registerDel(program: Command, tool: Tool): void {
  const command = program
    .command("del <network> <netns>")
    .description("detach a network namespace from a network; right as often as you like, and when it is gone");
  addTargetOptions(command).action((network: string, netns: string, options: TargetOptions) => {
    const list = openNetwork(tool, network);
    delNetwork(createRunner(tool, options), list, describeTarget(tool, netns, options));
  });
}
