import { readPrevResult } from "./convert.ts";
import { checkNetworkName, type Env, type Verb } from "./environment.ts";
import { CniError, ErrorCode } from "./error.ts";
import { field, isObject, type JsonObject, jsonType, parseJson } from "./json.ts";
import type { Attachment, AttachmentKey, Network } from "./plugin.ts";
import type { Result } from "./result.ts";
import { defaultVersion, type Version } from "./version.ts";

/** What a plugin is called with. */
export interface Request {
  readonly env: Env;
  /** Reads standard input whole; not called for VERSION, whose standard input may be closed or never end. */
  readonly stdin: () => Uint8Array;
  /** As {@link Network.inProcess}; without it every delegate is executed. */
  readonly inProcess?: Network["inProcess"];
}

export function readInput(read: () => Uint8Array): Uint8Array {
  try {
    return read();
  } catch (error) {
    throw new CniError(ErrorCode.io, "error reading from stdin", { cause: error });
  }
}

export function readConfig(stdin: Uint8Array): JsonObject {
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

export function networkName(raw: JsonObject): string {
  const name = field(raw, "name") ?? "";
  if (typeof name !== "string") throw undecodable("name", jsonType(name), "a string");
  checkNetworkName(name);
  return name;
}

export function configVersion(raw: JsonObject): string {
  const version = field(raw, "cniVersion") ?? "";
  if (typeof version !== "string") throw undecodable("cniVersion", jsonType(version), "a string");
  return version || defaultVersion;
}

function undecodable(path: string, found: string, allowed: string): CniError {
  return new CniError(ErrorCode.decoding, `error unmarshall network config: ${path} is not ${allowed}`, {
    details: `${path}: found ${found}, allowed: ${allowed}`,
  });
}

interface Input {
  readonly verb: Verb;
  readonly name: string;
  readonly version: Version;
  readonly raw: JsonObject;
  readonly stdin: Uint8Array;
  readonly warnings: string[];
}

export function describeNetwork({ env, inProcess }: Request, { verb, warnings, ...input }: Input): Network {
  return {
    ...input,
    path: (env["CNI_PATH"] ?? "").split(":").filter((directory) => directory !== ""),
    env,
    validAttachments: verb === "GC" ? readValidAttachments(input.raw) : [],
    inProcess: inProcess ?? (() => undefined),
    warn: (text) => warnings.push(text),
  };
}

export function describeAttachment(network: Network, verb: Verb): Attachment {
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
  return readAttachmentKeys(list, "cni.dev/valid-attachments");
}

/**
 * A list of `{"containerID", "ifname"}`.
 *
 * @param path where it comes from, for the error.
 * @throws CniError (decoding).
 */
export function readAttachmentKeys(list: unknown, path: string): AttachmentKey[] {
  if (!Array.isArray(list)) throw notAttachments(path, list, "an array");
  return list.map((item: unknown, i) => {
    const containerID = isObject(item) ? field(item, "containerID") : undefined;
    const ifname = isObject(item) ? field(item, "ifname") : undefined;
    if (typeof containerID === "string" && typeof ifname === "string") return { containerID, ifname };
    throw notAttachments(`${path}[${i}]`, item, "an object with containerID and ifname");
  });
}

function notAttachments(path: string, value: unknown, allowed: string): CniError {
  return new CniError(ErrorCode.decoding, `${path} is not ${allowed}`, {
    details: `${path}: found ${JSON.stringify(value)?.slice(0, 120)}, allowed: ${allowed}`,
  });
}
