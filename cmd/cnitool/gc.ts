import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import { parseJson } from "../../src/cni/json.ts";
import { readAttachmentKeys } from "../../src/cni/network.ts";
import type { AttachmentKey } from "../../src/cni/plugin.ts";
import { collectNetwork } from "../../src/cni/runner.ts";
import { addRunnerOptions, createRunner, openNetwork, type RunnerOptions } from "./runtime.ts";
import { absolute, type Tool } from "./tool.ts";

interface Options extends RunnerOptions {
  readonly validAttachments?: string;
}

export function registerGc(program: Command, tool: Tool): void {
  const command = program
    .command("gc <network> [netns]")
    .description("remove everything of a network but the valid attachments; without a list, everything")
    .option("--valid-attachments <file>", 'JSON list of {"containerID", "ifname"} to keep; - reads standard input');
  addRunnerOptions(command).action((network: string, _netns: string | undefined, options: Options) => {
    const list = openNetwork(tool, network);
    collectNetwork(createRunner(tool, options), list, readValid(tool, options.validAttachments));
  });
}

function readValid(tool: Tool, file: string | undefined): AttachmentKey[] {
  if (file === undefined) return [];
  try {
    const text = file === "-" ? tool.input() : readFileSync(absolute(tool, file));
    return readAttachmentKeys(parseJson(text), file === "-" ? "standard input" : file);
  } catch (error) {
    throw new CniError(ErrorCode.io, "Cannot read the list of valid attachments", { cause: error });
  }
}
