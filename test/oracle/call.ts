import { execa } from "execa";
import { type Version, versionAtLeast } from "../../src/cni/version.ts";
import type { AttachmentOptions, PluginConfig } from "./case.ts";
import type { Machine } from "./machine.ts";
import { spokenVersion } from "./suite.ts";

/** One interface of one container, and what its ADD gave. */
export interface Attachment extends AttachmentOptions {
  readonly container: string;
  readonly ifname: string;
  /** The last plugin's, for CHECK and DEL. */
  result?: unknown;
}

/** What a runtime learns from a call: JSON on success (nothing but for ADD), or the plugin's error. */
export interface Answer {
  readonly ok: boolean;
  readonly output: unknown;
}

/** Calls a chain as a runtime does: ADD and CHECK in order, DEL in reverse, up to the first failure. */
export async function callChain(
  machine: Machine,
  verb: string,
  attachment: Attachment,
  plugins: readonly PluginConfig[],
  version: Version,
): Promise<Answer> {
  const passesResult = verb !== "ADD" && versionAtLeast(version, "0.4.0");
  let prevResult = passesResult ? attachment.result : undefined;
  let answer: Answer = { ok: true, output: undefined };
  for (const plugin of verb === "DEL" ? plugins.toReversed() : plugins) {
    answer = await callPlugin(machine, verb, attachment, plugin, { version, prevResult });
    if (!answer.ok) return answer;
    if (verb === "ADD") prevResult = answer.output;
  }
  if (verb === "ADD") attachment.result = answer.output;
  return answer;
}

async function callPlugin(
  machine: Machine,
  verb: string,
  { container, ifname, args, runtimeConfig }: Attachment,
  plugin: PluginConfig,
  { version, prevResult }: { version: Version; prevResult: unknown },
): Promise<Answer> {
  const config = {
    cniVersion: spokenVersion(machine.suite, version),
    name: "oracle",
    ...plugin,
    ...(runtimeConfig && { runtimeConfig }),
    ...(prevResult !== undefined && { prevResult }),
  };
  const { directory } = machine.suite;
  const [enter = "", ...where] = machine.enter;
  const { exitCode, stdout, stderr } = await execa(enter, [...where, `${directory}/${plugin.type}`], {
    input: JSON.stringify(config).replaceAll("$STATE", machine.state),
    reject: false,
    extendEnv: false,
    env: {
      PATH: process.env["PATH"],
      CNI_COMMAND: verb,
      CNI_CONTAINERID: `${container}-id`,
      CNI_NETNS: machine.netns(container),
      CNI_IFNAME: ifname,
      CNI_PATH: directory,
      ...(args !== undefined && { CNI_ARGS: args }),
    },
  });
  return { ok: exitCode === 0, output: parse(stdout) ?? (exitCode === 0 ? undefined : stderr) };
}

/** More than one document, or none, is a fact to compare like any other. */
function parse(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
