import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { makeDirectories, readRegularFile } from "../linux/file.ts";
import { CniError, ErrorCode } from "./error.ts";
import { isObject, type JsonObject, parseJson } from "./json.ts";
import type { AttachmentKey } from "./plugin.ts";
import { writeDurably } from "./writedurably.ts";

/** Where libcni keeps attachments; `results` is below it. */
export const defaultCacheDir = "/var/lib/cni";

/** What an ADD was called with and gave, in libcni's own format, so that either can go on with what the other began. */
export interface CachedAttachment extends AttachmentKey {
  readonly network: string;
  /** The network list as it was loaded. */
  readonly config: Uint8Array;
  readonly netns: string;
  readonly args: readonly (readonly [key: string, value: string])[];
  readonly capabilityArgs: JsonObject;
  /** The final result; undefined in a file that has none. */
  readonly result: unknown;
}

const kind = "cniCacheV1";

/** @throws CniError (io). */
export function writeCache(directory: string, cached: CachedAttachment): void {
  const { network, containerID, ifname, config, netns, args, capabilityArgs, result } = cached;
  const file = cacheFile(directory, network, cached);
  const entry = {
    kind,
    containerId: containerID,
    config: Buffer.from(config).toString("base64"),
    ifName: ifname,
    networkName: network,
    ...(netns === "" ? {} : { netns }),
    ...(args.length === 0 ? {} : { cniArgs: args }),
    ...(Object.keys(capabilityArgs).length === 0 ? {} : { capabilityArgs }),
    result,
  };
  try {
    makeDirectories(join(directory, "results"), 0o700);
    writeDurably(file, JSON.stringify(entry), 0o600);
  } catch (error) {
    throw new CniError(ErrorCode.io, `failed to set network ${JSON.stringify(network)} cached result`, {
      cause: error,
    });
  }
}

/**
 * @returns undefined when there is no file.
 * @throws CniError (io) when it cannot be read, (decoding) when it holds no attachment.
 */
export function readCache(directory: string, network: string, key: AttachmentKey): CachedAttachment | undefined {
  const file = cacheFile(directory, network, key);
  let raw: unknown;
  try {
    raw = parseJson(readRegularFile(file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    const code = error instanceof SyntaxError ? ErrorCode.decoding : ErrorCode.io;
    throw new CniError(code, `failed to get network ${JSON.stringify(network)} cached result`, {
      cause: error,
      details: file,
    });
  }
  // Before libcni 0.8 the file was the bare result.
  const { containerID, ifname } = key;
  return (isObject(raw) && readEntry(raw)) || { ...emptyEntry, containerID, ifname, network, result: raw };
}

export function removeCache(directory: string, network: string, key: AttachmentKey): void {
  rmSync(cacheFile(directory, network, key), { force: true });
}

/** Every attachment in the cache, by file name; files that are none are left out. */
export function listCache(directory: string): CachedAttachment[] {
  const results = join(directory, "results");
  return namesIn(results)
    .sort()
    .flatMap((name) => {
      try {
        const raw = parseJson(readRegularFile(join(results, name)));
        const entry = isObject(raw) ? readEntry(raw) : undefined;
        return entry === undefined || entry.ifname === "" || entry.network === "" ? [] : [entry];
      } catch {
        return [];
      }
    });
}

const emptyEntry = { config: new Uint8Array(), netns: "", args: [], capabilityArgs: {} };

function readEntry(raw: JsonObject): CachedAttachment | undefined {
  if (raw["kind"] !== kind) return undefined;
  const text = (key: string) => (typeof raw[key] === "string" ? raw[key] : "");
  return {
    network: text("networkName"),
    containerID: text("containerId"),
    ifname: text("ifName"),
    config: Buffer.from(text("config"), "base64"),
    netns: text("netns"),
    args: Array.isArray(raw["cniArgs"]) ? raw["cniArgs"].filter(isPair) : [],
    capabilityArgs: isObject(raw["capabilityArgs"]) ? raw["capabilityArgs"] : {},
    result: raw["result"],
  };
}

function isPair(value: unknown): value is [key: string, value: string] {
  return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === "string");
}

function cacheFile(directory: string, network: string, { containerID, ifname }: AttachmentKey): string {
  const parts = [network, containerID, ifname];
  if (parts.some((part) => part === "" || part.includes("/"))) {
    throw new CniError(
      ErrorCode.invalidEnvironment,
      `cache file path requires network name (${JSON.stringify(network)}), container ID (${JSON.stringify(containerID)}), ` +
        `and interface name (${JSON.stringify(ifname)})`,
    );
  }
  return join(directory, "results", parts.join("-"));
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
