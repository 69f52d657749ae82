import type { Version } from "../../src/cni/version.ts";
import { type Case, hostLocal, type PluginConfig } from "./case.ts";
import type { Difference } from "./difference.ts";

// What the tables of chained plugins share: a bridge before them, in versions 0.4.0 and 1.0.0.

const v4 = "10.9.0.0/24";
const v6 = "fd00:9::/64";

const bridge: PluginConfig = { type: "bridge", isDefaultGateway: true, ipam: hostLocal(v4, v6) };

/** The plugin behind a bridge with both families. */
export function behindBridge(...plugins: readonly PluginConfig[]): PluginConfig[] {
  return [bridge, ...plugins];
}

const versions: readonly Version[] = ["0.4.0", "1.0.0"];

/** Each case in each version. */
export function inEachVersion(cases: readonly Case[]): Case[] {
  return versions.flatMap((version) =>
    cases.map((oracle) => ({ ...oracle, version, title: `${oracle.title}, ${version}` })),
  );
}

/** DEL of a Go plugin wants a configuration that ADD accepts, so that a runtime does not come to the plugins before it. */
export const leavesAddresses: Difference = {
  fact: /^released state (mode of )?networks\/oracle\/[^/]*[.:][^/]*$/,
  berth: null,
  why: "DEL of the Go suite fails, and keeps the chain from what comes before (4)",
};

/** The world outside: 192.0.2.2 and 2001:db8::2, and the host there 192.0.2.1 and 2001:db8::1. */
export const outside = "outside";

export const setupOutside = `
  ip link add uplink type veth peer name eth0 netns $outside
  ip address add 192.0.2.1/24 dev uplink; ip address add 2001:db8::1/64 dev uplink nodad; ip link set uplink up
  ip -n $outside link set lo up; ip -n $outside link set eth0 up
  ip -n $outside address add 192.0.2.2/24 dev eth0; ip -n $outside address add 2001:db8::2/64 dev eth0 nodad
  ip -n $outside route add 10.9.0.0/24 via 192.0.2.1; ip -n $outside route add fd00:9::/64 via 2001:db8::1`;
