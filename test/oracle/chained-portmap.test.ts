import { goCheckFails } from "./bridge.ts";
import type { Case, PluginConfig } from "./case.ts";
import { behindBridge, inEachVersion, leavesAddresses, outside, setupOutside } from "./chained.ts";
import { compareSuites } from "./compare.ts";
import type { Difference } from "./difference.ts";

interface Mapping {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol?: string;
  readonly hostIP?: string;
}

function portmap(portMappings: readonly Mapping[], keys: object = {}): PluginConfig[] {
  return behindBridge({ type: "portmap", runtimeConfig: { portMappings }, ...keys });
}

const web = { hostPort: 8080, containerPort: 80, protocol: "tcp" };
const name = { hostPort: 8053, containerPort: 81, protocol: "udp" };

const rules: Difference = {
  fact: /^(attached|released) host nftables /,
  why: "the rules are of other kinds; connections tell what they come to",
};

const hairpin: Difference = {
  fact: /^attached host link peer\(c1 eth0\): linkinfo\.info_slave_data\.hairpin$/,
  berth: /^true$/,
  why: "a container reaches itself also where bridged packets pass through the packet filter",
};

const checkPasses = goCheckFails("CHECK looks for the rules of one family in the tables of the other");

const needsNoLocalnet: Difference = {
  fact: /^attached host sysctl ipv4\/conf\/cni0: route_localnet$/,
  go: /^1$/,
  berth: /^0$/,
  why: "nothing of IPv4 is published, so that loopback addresses need no way to the container (24)",
};

const changesNothing: Difference = {
  fact: /^attached host sysctl ipv4\/conf\/cni0: route_localnet$/,
  go: /^1$/,
  berth: /^0$/,
  why: "a failed ADD leaves nothing behind (11)",
};

function reached(oracle: Pick<Case, "title" | "plugins">, ...more: readonly Difference[]): Case {
  return {
    ...oracle,
    bystanders: [outside],
    setup: setupOutside,
    connections: { servers: { c1: [80, 81], [outside]: [7000] }, attempts },
    differs: [rules, checkPasses, ...more],
  };
}

// The container itself is left out: the Go suite lets it through only without br_netfilter (test/netns/portmap.bats has both).
const attempts = [
  "outside tcp 192.0.2.1 8080",
  "outside tcp 2001:db8::1 8080",
  "outside udp 192.0.2.1 8053",
  "outside tcp 192.0.2.1 8053",
  "outside tcp 192.0.2.1 80",
  "host tcp 127.0.0.1 8080",
  "host tcp 192.0.2.1 8080",
  "host tcp 2001:db8::1 8080",
  "host udp 10.9.0.1 8053",
  "host tcp 10.9.0.2 80",
  "c1 tcp 192.0.2.2 7000",
];

const published: Case[] = [
  reached({ title: "tcp", plugins: portmap([web]) }, hairpin),
  reached({ title: "udp", plugins: portmap([name]) }, hairpin),
  reached({ title: "tcp and udp", plugins: portmap([web, name]) }, hairpin),
  reached({ title: "at an address of the host", plugins: portmap([{ ...web, hostIP: "192.0.2.1" }]) }, hairpin),
  reached(
    { title: "at an IPv6 address of the host", plugins: portmap([{ ...web, hostIP: "2001:db8::1" }]) },
    hairpin,
    needsNoLocalnet,
  ),
  reached({ title: "at all IPv4 addresses", plugins: portmap([{ ...web, hostIP: "0.0.0.0" }]) }, hairpin),
  reached({ title: "at all IPv6 addresses", plugins: portmap([{ ...web, hostIP: "::" }]) }, hairpin, needsNoLocalnet),
  reached({ title: "at a loopback address", plugins: portmap([{ ...web, hostIP: "127.0.0.1" }]) }, hairpin),
  reached({ title: "snat off", plugins: portmap([web], { snat: false }) }),
  reached({ title: "markMasqBit", plugins: portmap([web], { markMasqBit: 14 }) }, hairpin),
];

const nothing: Case[] = [
  { title: "no ports", plugins: portmap([]) },
  { title: "port 0", plugins: portmap([{ ...web, hostPort: 0 }]), differs: [leavesAddresses] },
  { title: "container port 0", plugins: portmap([{ ...web, containerPort: 0 }]), differs: [leavesAddresses] },
  { title: "an unknown protocol", plugins: portmap([{ ...web, protocol: "icmpx" }]), differs: [rules, changesNothing] },
  {
    title: "a hostIP that is none",
    plugins: portmap([{ ...web, hostIP: "localhost" }]),
    differs: [rules, changesNothing],
  },
  {
    title: "two ways to masquerade",
    plugins: portmap([web], { markMasqBit: 14, externalSetMarkChain: "KUBE-MARK-MASQ" }),
    differs: [leavesAddresses],
  },
];

compareSuites([
  ...inEachVersion(published),
  ...nothing,
  {
    title: "alone",
    steps: ["ADD c1"],
    plugins: { type: "portmap", runtimeConfig: { portMappings: [web] } },
    differs: [rules],
  },
]);
