import type { Command } from "commander";
import { checkNetwork } from "../../src/cni/runner.ts";
import { addTargetOptions, createRunner, describeTarget, openNetwork, type TargetOptions } from "./runtime.ts";
import type { Tool } from "./tool.ts";

export function registerCheck(program: Command, tool: Tool): void {
  const command = program
    .command("check <network> <netns>")
    .description("fail unless an attachment is as add left it (cniVersion 0.4.0 and later)");
  addTargetOptions(command).action((network: string, netns: string, options: TargetOptions) => {
    const list = openNetwork(tool, network);
    checkNetwork(createRunner(tool, options), list, describeTarget(tool, netns, options));
  });
}
