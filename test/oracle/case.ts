import type { Version } from "../../src/cni/version.ts";
import type { Connections } from "./connections.ts";
import type { Difference } from "./difference.ts";

/** A plugin's configuration; `$STATE` in it stands for a directory that is each suite's own. */
export type PluginConfig = Readonly<Record<string, unknown>> & { readonly type: string };

/** host-local with a range set of one range for each subnet: one address of each. */
export function hostLocal(...subnets: readonly string[]): PluginConfig {
  return { ...hostLocalState, ranges: subnets.map((subnet) => [{ subnet }]) };
}

export const hostLocalState: PluginConfig = { type: "host-local", dataDir: "$STATE/networks" };

/** One configuration, given to both suites in equal namespaces. */
export interface Case {
  readonly title: string;
  /** `1.0.0` if left out. */
  readonly version?: Version;
  /** One plugin, or a chain. */
  readonly plugins: PluginConfig | readonly PluginConfig[];
  /** What the Go suite is given to the same end, where it gets `plugins` wrong. */
  readonly goInstead?: { readonly plugins: Case["plugins"]; readonly why: string };
  /** By `container` or `container/ifname` (`eth0` if left out); only `c1` if left out. */
  readonly attachments?: Readonly<Record<string, AttachmentOptions>>;
  /**
   * What happens before the first look at the kernel, as `ADD c1`, `DEL c1/eth1`, `CHECK c2`. Left out: ADD for each
   * attachment in turn, then CHECK for each.
   */
  readonly steps?: readonly string[];
  /** Namespaces that no plugin is called for: the world outside, say. `setup` knows them as it does containers'. */
  readonly bystanders?: readonly string[];
  /** Tried while all is attached. */
  readonly connections?: Connections;
  /** Shell script, run in the host's namespace first; knows `$STATE`, and each container's namespace by its name (`$c1`). */
  readonly setup?: string;
  /** What the kernel must have; without it the case is skipped. */
  readonly needs?: Need;
  /** Where the suites do differ, beside {@link ./known.ts}. Each must occur. */
  readonly differs?: readonly Difference[];
}

export interface AttachmentOptions {
  /** CNI_ARGS. */
  readonly args?: string;
  readonly runtimeConfig?: Readonly<Record<string, unknown>>;
}

export type Need = keyof typeof needs;

/** Commands that succeed where the kernel has what some cases need. */
export const needs = {
  "bridge VLAN filtering": "ip link add probe type bridge vlan_filtering 1",
  "link kind ipvlan": "ip link add up type veth peer name far && ip link add probe link up type ipvlan",
  "link kind vlan": "ip link add up type veth peer name far && ip link add probe link up type vlan id 1",
} as const;
