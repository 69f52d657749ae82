import { aboutText } from "./about.ts";
import { printResult } from "./convert.ts";
import { checkEnvironment, delegateMark, isVerb, type Verb } from "./environment.ts";
import { CniError, ErrorCode } from "./error.ts";
import { formatJson } from "./json.ts";
import {
  configVersion,
  describeAttachment,
  describeNetwork,
  networkName,
  type Request,
  readConfig,
  readInput,
} from "./network.ts";
import { checkForeignNamespace } from "./ownnamespace.ts";
import type { AnyPlugin, Attachment, Network } from "./plugin.ts";
import { describeError } from "./report.ts";
import { checkVersion } from "./support.ts";
import { newestVersion } from "./version.ts";

export type { Request } from "./network.ts";

/** What the process of a plugin gives back. */
export interface Response {
  /** Exit status: 0, or 1 with an error object on standard output. */
  readonly status: number;
  /** Nothing, or exactly one JSON document. */
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Serves one request: all that a plugin is except reading its standard input and leaving its process. Never throws,
 * never exits, and keeps nothing.
 */
export function runPlugin(plugin: AnyPlugin, request: Request): Response {
  const { env } = request;
  if (!env["CNI_COMMAND"]) return { status: 0, stdout: "", stderr: aboutText(plugin) };
  const warnings: string[] = [];
  const stderr = () => warnings.map((text) => `${text}\n`).join("");
  let version: string = newestVersion;
  try {
    checkEnvironment(env);
    if (env["CNI_COMMAND"] === "VERSION") {
      const supported = { cniVersion: newestVersion, supportedVersions: plugin.versions };
      return { status: 0, stdout: `${JSON.stringify(supported)}\n`, stderr: "" };
    }
    const stdin = readInput(request.stdin);
    const raw = readConfig(stdin);
    const name = networkName(raw);
    const verb = knownVerb(env["CNI_COMMAND"]);
    version = configVersion(raw);
    const supported = checkVersion(verb, version, plugin.versions);
    refuseAsDelegate(plugin, env);
    const network = describeNetwork(request, { verb, name, version: supported, raw, stdin, warnings });
    return { status: 0, stdout: callVerb(plugin, verb, network), stderr: stderr() };
  } catch (error) {
    return { status: 1, stdout: formatJson(describeError(error, version)), stderr: stderr() };
  }
}

/** A plugin that is its own IPAM plugin would call itself for ever, or wait for a lock that it holds already. */
function refuseAsDelegate({ name, isIpam }: AnyPlugin, env: Request["env"]): void {
  if (isIpam || !env[delegateMark]) return;
  throw new CniError(ErrorCode.invalidConfig, `Cannot use ${name} for addresses: it is no IPAM plugin`, {
    details: `ipam.type: found ${JSON.stringify(name)}, allowed: an IPAM plugin, as host-local`,
  });
}

function callVerb(plugin: AnyPlugin, verb: Verb, network: Network): string {
  if (verb === "STATUS") plugin.status(network, plugin.configure(network));
  if (verb === "GC") plugin.gc(network, configureForRelease(plugin, network));
  if (verb === "STATUS" || verb === "GC") return "";

  // Before the verb, not after it as the Go suite has it: nothing may have changed when the caller is told.
  if (verb !== "CHECK" && !plugin.ownNamespaceAllowed) checkForeignNamespace(network.env);
  const attachment = describeAttachment(network, verb);
  if (verb === "ADD") return add(plugin, attachment, plugin.configure(network));
  if (verb === "CHECK") plugin.check(attachment, plugin.configure(network));
  if (verb === "DEL") plugin.del(attachment, configureForRelease(plugin, network));
  return "";
}

function add(plugin: AnyPlugin, attachment: Attachment, config: unknown): string {
  using undo = new DisposableStack();
  const result = plugin.add(attachment, config);
  // A result of 0.1.0 or 0.2.0 cannot be printed without an address: what was made must not stay then.
  undo.defer(() => plugin.del(attachment, config));
  const printed = formatJson(printResult(result, attachment.network.version));
  undo.move();
  return printed;
}

/** DEL and GC release what they can, also with a configuration that ADD would refuse. */
function configureForRelease(plugin: AnyPlugin, network: Network): unknown {
  try {
    return plugin.configure(network);
  } catch (error) {
    if (plugin.configureForRelease === undefined) throw error;
    return plugin.configureForRelease(network, error);
  }
}

function knownVerb(command: string): Verb {
  if (isVerb(command)) return command;
  throw new CniError(ErrorCode.invalidEnvironment, `unknown CNI_COMMAND: ${command}`);
}
