import { readFileSync, watch } from "node:fs";
import { basename, dirname } from "node:path";
import { CniError, ErrorCode } from "../cni/error.ts";
import { field, isObject, parseJson } from "../cni/json.ts";
import type { Address } from "../ip/address.ts";
import { checkPeers, type Peer, readPeers } from "./peer.ts";

/** Where a host learns of the others: a configuration, a file; a cluster's store can be another. */
export interface PeerSource {
  /**
   * The peers as they are now.
   *
   * @param local this host's own underlay address.
   * @throws CniError when they cannot be read.
   */
  read(local: Address): readonly Peer[];
  /** Calls back after each change, until disposed. Left out where nothing can change. */
  readonly watch?: (changed: () => void) => Disposable;
}

/** A list that stands in the configuration itself. */
export function configuredPeers(list: unknown): PeerSource {
  return { read: () => readPeers(list, "peers") };
}

/**
 * A JSON file with a list of peers, or an object with one as `peers`. It can be the same on all hosts: a host passes over
 * itself in it.
 *
 * @param path absolute.
 */
export function filePeers(path: string): PeerSource {
  return {
    read: (local) => readPeers(readList(path), path).filter(({ ip }) => !ip.equals(local)),
    watch: (changed) => watchFile(path, changed),
  };
}

/** Several sources as one. @throws CniError (on reading) where they contradict each other. */
export function mergeSources(sources: readonly PeerSource[]): PeerSource {
  return {
    read(local) {
      const peers = sources.flatMap((source) => source.read(local));
      checkPeers(peers);
      return peers;
    },
    watch(changed) {
      const watches = new DisposableStack();
      for (const source of sources) if (source.watch) watches.use(source.watch(changed));
      return watches;
    },
  };
}

function readList(path: string): unknown {
  try {
    const content = parseJson(readFileSync(path));
    return isObject(content) ? field(content, "peers") : content;
  } catch (error) {
    const code = error instanceof SyntaxError ? ErrorCode.decoding : ErrorCode.io;
    throw new CniError(code, "Cannot read the list of peers", {
      cause: error,
      details: `peersFile: found ${JSON.stringify(path)}, allowed: a JSON file with an array of objects with ip`,
    });
  }
}

/** Watches the directory: a file replaced by rename, or by Kubernetes' symbolic links, is another one each time. */
function watchFile(path: string, changed: () => void): Disposable {
  const ours = [basename(path), "..data"];
  const watcher = watch(dirname(path), (_, name) => {
    if (name === null || ours.includes(name)) changed();
  });
  return { [Symbol.dispose]: () => watcher.close() };
}
