import { aboutText } from "./about.ts";
import { printResult, readPrevResult } from "./convert.ts";
import { checkEnvironment, checkNetworkName, type Env, isVerb, type Verb } from "./environment.ts";
import { CniError, ErrorCode } from "./error.ts";
import { field, formatJson, isObject, type JsonObject, jsonType, parseJson } from "./json.ts";
import { checkForeignNamespace } from "./ownnamespace.ts";
import type { AnyPlugin, Attachment, AttachmentKey, Network } from "./plugin.ts";
import { describeError } from "./report.ts";
import type { Result } from "./result.ts";
import { checkVersion } from "./support.ts";
import { defaultVersion, newestVersion, type Version } from "./version.ts";

/** What a plugin is called with. */
export interface Request {
  readonly env: Env;
  /** Reads standard input whole; not called for VERSION, whose standard input may be closed or never end. */
  readonly stdin: () => Uint8Array;
  /** As {@link Network.inProcess}; without it every delegate is executed. */
  readonly inProcess?: Network["inProcess"];
}

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
    const network = describeNetwork(request, { name, version: supported, raw, stdin, warnings });
    return { status: 0, stdout: callVerb(plugin, verb, network), stderr: stderr() };
  } catch (error) {
    return { status: 1, stdout: formatJson(describeError(error, version)), stderr: stderr() };
  }
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

function readInput(read: () => Uint8Array): Uint8Array {
  try {
    return read();
  } catch (error) {
    throw new CniError(ErrorCode.io, "error reading from stdin", { cause: error });
  }
}

function readConfig(stdin: Uint8Array): JsonObject {
  let value: unknown;
  try {
    value = parseJson(stdin);
  } catch (error) {
    throw new CniError(ErrorCode.decoding, "error unmarshall network config", { cause: error });
  }
  if (isObject(value)) return value;
  if (value === null) return {};
  throw undecodable("the whole", jsonType(value), "an object");
}

function networkName(raw: JsonObject): string {
  const name = field(raw, "name") ?? "";
  if (typeof name !== "string") throw undecodable("name", jsonType(name), "a string");
  checkNetworkName(name);
  return name;
}

function configVersion(raw: JsonObject): string {
  const version = field(raw, "cniVersion") ?? "";
  if (typeof version !== "string") throw undecodable("cniVersion", jsonType(version), "a string");
  return version || defaultVersion;
}

function undecodable(path: string, found: string, allowed: string): CniError {
  return new CniError(ErrorCode.decoding, `error unmarshall network config: ${path} is not ${allowed}`, {
    details: `${path}: found ${found}, allowed: ${allowed}`,
  });
}

function knownVerb(command: string): Verb {
  if (isVerb(command)) return command;
  throw new CniError(ErrorCode.invalidEnvironment, `unknown CNI_COMMAND: ${command}`);
}

interface Input {
  readonly name: string;
  readonly version: Version;
  readonly raw: JsonObject;
  readonly stdin: Uint8Array;
  readonly warnings: string[];
}

function describeNetwork({ env, inProcess }: Request, { warnings, ...input }: Input): Network {
  return {
    ...input,
    path: (env["CNI_PATH"] ?? "").split(":").filter((directory) => directory !== ""),
    env,
    validAttachments: readValidAttachments(input.raw),
    inProcess: inProcess ?? (() => undefined),
    warn: (text) => warnings.push(text),
  };
}

function describeAttachment(network: Network, verb: Verb): Attachment {
  const { env } = network;
  return {
    network,
    containerID: env["CNI_CONTAINERID"] ?? "",
    ifname: env["CNI_IFNAME"] ?? "",
    netns: env["CNI_NETNS"] || undefined,
    args: env["CNI_ARGS"] ?? "",
    prevResult: verb === "DEL" ? releasablePrevResult(network) : prevResult(network),
  };
}

function prevResult(network: Network): Result | undefined {
  return readPrevResult(field(network.raw, "prevResult"), network.version);
}

/** DEL works without a prevResult, and so with one that cannot be read. */
function releasablePrevResult(network: Network): Result | undefined {
  try {
    return prevResult(network);
  } catch (error) {
    network.warn(`Going on without prevResult: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}

/** The specification's tag spec-v1.1.0 named the key `cni.dev/attachments`; libcni sends both. */
function readValidAttachments(raw: JsonObject): AttachmentKey[] {
  const list = field(raw, "cni.dev/valid-attachments") ?? field(raw, "cni.dev/attachments") ?? [];
  const wrong = (path: string, value: unknown, allowed: string) =>
    new CniError(ErrorCode.decoding, `Cannot read the list of valid attachments: ${path} is not ${allowed}`, {
      details: `${path}: found ${JSON.stringify(value)?.slice(0, 120)}, allowed: ${allowed}`,
    });
  const at = "cni.dev/valid-attachments";
  if (!Array.isArray(list)) throw wrong(at, list, "an array");
  return list.map((item: unknown, i) => {
    const containerID = isObject(item) ? field(item, "containerID") : undefined;
    const ifname = isObject(item) ? field(item, "ifname") : undefined;
    if (typeof containerID !== "string" || typeof ifname !== "string") {
      throw wrong(`${at}[${i}]`, item, "an object with containerID and ifname");
    }
    return { containerID, ifname };
  });
}
