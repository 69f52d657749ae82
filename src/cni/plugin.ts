import type { Result } from "./result.ts";
import type { Version } from "./version.ts";

/**
 * A CNI plugin: what each verb does. Verbs are synchronous, keep nothing between calls, and leave the thread in the
 * network namespace they found it in, so that one process can serve many requests and call a delegate in process.
 */
export interface Plugin<Config> {
  /** The executable's name, and `type` in a network configuration. */
  readonly name: string;
  readonly versions: readonly Version[];

  /**
   * The plugin's own part of a configuration, checked.
   *
   * @throws CniError (invalidConfig) naming the path, the value found and what would be right.
   */
  configure(network: Network): Config;
  add(attachment: Attachment, config: Config): Result;
  del(attachment: Attachment, config: Config): void;
  check(attachment: Attachment, config: Config): void;
  /** Removes all that this plugin holds for `network` and that belongs to none of `network.validAttachments`. */
  gc(network: Network, config: Config): void;
  /** @throws CniError (notAvailable, limitedConnectivity) when ADD cannot be served. */
  status(network: Network, config: Config): void;

  /**
   * DEL must release what it can even when the configuration is bad (specification 1.1.0, "DEL"): asked instead of
   * {@link configure} when that failed on DEL or GC. Without it, the error of {@link configure} is the answer.
   */
  readonly configureForRelease?: (network: Network, error: unknown) => Config;
  /** Gives addresses to other plugins, which call it with their own configuration. */
  readonly isIpam?: boolean;
  /** `host` alone works on the namespace that it runs in. */
  readonly ownNamespaceAllowed?: boolean;
}

/** A plugin whose configuration type is its own affair. */
// biome-ignore lint/suspicious/noExplicitAny: the type is fixed inside each plugin, and runPlugin passes on what configure gave
export type AnyPlugin = Plugin<any>;

/** One network configuration as a plugin receives it, for every verb. */
export interface Network {
  /** The network's name. */
  readonly name: string;
  readonly version: Version;
  /** Standard input decoded as JSON, nothing changed. */
  readonly raw: Readonly<Record<string, unknown>>;
  /** Standard input as it came: what a delegate receives. */
  readonly stdin: Uint8Array;
  /** CNI_PATH, split. */
  readonly path: readonly string[];
  /** The whole environment, for a delegate. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `cni.dev/valid-attachments` of GC; no list counts as an empty one. */
  readonly validAttachments: readonly AttachmentKey[];
  /** The plugin to call in process for an executable found in {@link path}, if that is this very executable. */
  readonly inProcess: (executable: string) => AnyPlugin | undefined;
  /** Collects text for standard error. */
  readonly warn: (text: string) => void;
}

export interface AttachmentKey {
  readonly containerID: string;
  readonly ifname: string;
}

/** One interface of one container on one network. */
export interface Attachment extends AttachmentKey {
  readonly network: Network;
  /** CNI_NETNS; on DEL it may be absent, or name what is gone. */
  readonly netns: string | undefined;
  /** CNI_ARGS as given: `K=V;K=V`. */
  readonly args: string;
  readonly prevResult: Result | undefined;
}
