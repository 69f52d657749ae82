import { basename, dirname } from "node:path";
import { CniError, ErrorCode } from "../cni/error.ts";
import { field, isObject, parseJson } from "../cni/json.ts";
import type { Address } from "../ip/address.ts";
import { readRegularFile } from "../linux/file.ts";
import { watchDirectory } from "../linux/inotify.ts";
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
  /** Begins to watch for changes. Left out where nothing can change. */
  readonly watch?: () => Watch;
}

/** Something that can change, as a file or the links of the host. */
export interface Watch extends Disposable {
  /** Can be read (poll) when there is news. */
  readonly fd: number;
  /** Reads the news, or waits for them. @returns whether they are of what is watched. */
  readNews(): boolean;
}

/** A list that stands in the configuration itself. */
export function configuredPeers(list: unknown): PeerSource {
  return {
    read() {
      const peers = readPeers(list, "peers");
      checkPeers(peers);
      return peers;
    },
  };
}

/**
 * A JSON file with a list of peers, or an object with one as `peers`. It can be the same on all hosts: a host passes over
 * itself in it.
 *
 * @param path absolute.
 */
export function filePeers(path: string): PeerSource {
  return {
    read(local) {
      const peers = readPeers(readList(path), path);
      checkPeers(peers);
      return peers.filter(({ ip }) => !ip.equals(local));
    },
    watch: () => watchFile(path),
  };
}

/** A list in the configuration, and more of them in a file. @throws CniError (on reading) where they contradict each other. */
export function mergeSources(fixed: PeerSource, changing: PeerSource): PeerSource {
  return {
    ...changing,
    read(local) {
      const peers = [...fixed.read(local), ...changing.read(local)];
      checkPeers(peers);
      return peers;
    },
  };
}

function readList(path: string): unknown {
  try {
    const content = parseJson(readRegularFile(path));
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
function watchFile(path: string): Watch {
  const watch = watchDirectory(dirname(path));
  const ours = [basename(path), "..data"];
  return {
    fd: watch.fd,
    readNews: () => watch.wait().some((name) => ours.includes(name)),
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  };
}
