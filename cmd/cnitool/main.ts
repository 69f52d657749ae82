import { Command, CommanderError } from "commander";
import { suiteVersion } from "../../src/cni/about.ts";
import type { Env } from "../../src/cni/environment.ts";
import { errorText } from "../../src/cni/report.ts";
import { readToEnd, writeAll } from "../../src/linux/stdio.ts";
import { registerAdd } from "./add.ts";
import { registerCheck } from "./check.ts";
import { registerDel } from "./del.ts";
import { explainError } from "./explain.ts";
import { registerFirewall } from "./firewall.ts";
import { registerGc } from "./gc.ts";
import { registerIpam } from "./ipam.ts";
import { registerOverlay } from "./overlay.ts";
import { registerStatus } from "./status.ts";
import type { Tool } from "./tool.ts";
import { registerValidate } from "./validate.ts";
import { registerVersion } from "./version.ts";

/** One file per command or group of commands; a new one is one line here. */
const commands: readonly ((program: Command, tool: Tool) => void)[] = [
  registerAdd,
  registerCheck,
  registerDel,
  registerFirewall,
  registerGc,
  registerIpam,
  registerOverlay,
  registerStatus,
  registerVersion,
  registerValidate,
];

const environmentHelp = `
Environment:
  NETCONFPATH  directory with network configurations (default: /etc/cni/net.d)
  CNI_PATH     directories with plugins, separated by colons
  CNI_IFNAME   interface in the container (default: eth0)
  CNI_ARGS     arguments for plugins: KEY=VALUE;KEY=VALUE
  CAP_ARGS     capability arguments: a JSON object, as {"portMappings": [...]}`;

/**
 * Runs cnitool.
 *
 * @param argv the arguments, without the program's name.
 * @returns the exit status: 0, or 1 after an error on standard error.
 */
export function main(argv: readonly string[], env: Env): number {
  const tool = processTool(env);
  try {
    createProgram(tool).parse(argv, { from: "user" });
    return 0;
  } catch (error) {
    // Commander has already written what it has to say, be it help or a wrong usage.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 1;
    tool.warn(process.stderr.isTTY ? explainError(error) : `Error: ${errorText(error)}`);
    return 1;
  }
}

function createProgram(tool: Tool): Command {
  const program = new Command("cnitool")
    .description("Run CNI plugins as a container runtime does")
    .version(suiteVersion, "--version")
    .addHelpText("after", environmentHelp)
    .configureOutput({ writeOut: tool.print, writeErr: (text) => tool.warn(text.trimEnd()) })
    .showHelpAfterError()
    .exitOverride();
  for (const register of commands) register(program, tool);
  // Upstream ignores arguments too many; scripts pass them.
  for (const command of program.commands) command.allowExcessArguments();
  return program;
}

function processTool(env: Env): Tool {
  return {
    env,
    directory: process.cwd(),
    print: (text) => writeAll(1, text),
    warn: (text) => writeAll(2, `${text}\n`),
    input: () => readToEnd(0),
  };
}
