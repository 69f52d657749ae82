import type { Case, PluginConfig } from "./case.ts";
import { behindBridge, inEachVersion, leavesAddresses, outside, setupOutside } from "./chained.ts";
import { compareSuites } from "./compare.ts";

function firewall(keys: object = {}): PluginConfig[] {
  return behindBridge({ type: "firewall", ...keys });
}

const connections = {
  servers: { c1: [80], c2: [80], [outside]: [7000] },
  attempts: [
    "c1 tcp 192.0.2.2 7000",
    "c1 udp 2001:db8::2 7000",
    "outside tcp 10.9.0.2 80",
    "outside tcp fd00:9::2 80",
    "host tcp 10.9.0.2 80",
    "c2 tcp 10.9.0.2 80",
    "c2 udp fd00:9::2 80",
  ],
};

const closed = `${setupOutside}; iptables -P FORWARD DROP; ip6tables -P FORWARD DROP`;

function tried(title: string, plugins: PluginConfig[], setup: string): Case {
  return { title, plugins, setup, bystanders: [outside], attachments: { c1: {}, c2: {} }, connections };
}

const cases: Case[] = [
  tried("a closed host, without the plugin", behindBridge(), closed),
  tried("a closed host", firewall(), closed),
  tried("a closed host, iptables", firewall({ backend: "iptables" }), closed),
  tried("a closed host, another chain for the administrator", firewall({ iptablesAdminChainName: "ADMIN" }), closed),
  {
    ...tried("same-bridge", firewall({ ingressPolicy: "same-bridge" }), closed),
    differs: [
      {
        fact: /^attached host nftables table inet berth$/,
        go: null,
        why: "policies are in a table of our own, and go with it (7)",
      },
    ],
  },
];

const refused: Case[] = [
  {
    title: "a policy that there is not",
    plugins: firewall({ ingressPolicy: "closed" }),
    differs: [
      leavesAddresses,
      {
        fact: /^(attached|released) host nftables table ip6? filter$/,
        berth: null,
        why: "what the Go suite makes before it reads the configuration",
      },
    ],
  },
  { title: "alone", steps: ["ADD c1"], plugins: { type: "firewall" } },
];

compareSuites([...inEachVersion(cases), ...refused]);
