import { router, v4, v6 } from "./bridge.ts";
import { type Case, hostLocal } from "./case.ts";
import { compareSuites } from "./compare.ts";

const keys: Case[] = [
  {
    title: "keys in lower case",
    plugins: {
      type: "bridge",
      bridge: "br0",
      isgateway: true,
      hairpinmode: true,
      ipam: { type: "host-local", datadir: "$STATE/networks", rangestart: "10.9.0.5", subnet: v4 },
    },
  },
  {
    title: "keys in upper case",
    plugins: {
      type: "bridge",
      BRIDGE: "br0",
      ISDEFAULTGATEWAY: true,
      MTU: 1450,
      IPAM: {
        TYPE: "host-local",
        DATADIR: "$STATE/networks",
        RANGES: [[{ SUBNET: v4 }]],
        ROUTES: [{ DST: "198.51.100.0/24", GW: "10.9.0.3" }],
      },
    },
  },
  { title: "a key twice, in different case", plugins: { type: "bridge", mtu: 1400, MTU: 1450, ipam: hostLocal(v4) } },
  { title: "unknown keys", plugins: { ...router, colour: "blue", ipam: { ...hostLocal(v4), taste: "salty" } } },
  {
    title: "keys that are null",
    plugins: { ...router, bridge: null, mtu: null, dns: null, args: null, ipam: { ...hostLocal(v4), routes: null } },
  },
  { title: "mtu as text", plugins: { ...router, mtu: "1400", ipam: hostLocal(v4) } },
  { title: "isGateway as text", plugins: { type: "bridge", isGateway: "true", ipam: hostLocal(v4) } },
  { title: "an IPAM plugin that is not there", plugins: { ...router, ipam: { type: "no-such-ipam" } } },
];

const lives: Case[] = [
  {
    title: "two containers",
    attachments: { c1: {}, c2: {} },
    plugins: { ...router, hairpinMode: true, ipam: hostLocal(v4, v6) },
  },
  {
    title: "two interfaces of one container",
    attachments: { c1: {}, "c1/eth1": {} },
    plugins: { type: "bridge", isGateway: true, ipam: hostLocal(v4, v6) },
  },
  {
    title: "two interfaces of one container with a default route each",
    attachments: { c1: {}, "c1/eth1": {} },
    plugins: { ...router, ipam: hostLocal(v4) },
  },
  { title: "ADD twice", steps: ["ADD c1", "ADD c1"], plugins: { ...router, ipam: hostLocal(v4) } },
  { title: "DEL without ADD", steps: ["DEL c1"], plugins: { ...router, ipam: hostLocal(v4) } },
  {
    title: "ADD, DEL, ADD again",
    differs: [
      {
        fact: /^1\. ADD c1 interfaces\.[01]\./,
        why: "what the first ADD made is gone; with Berth, the same names and MACs are back",
      },
    ],
    steps: ["ADD c1", "DEL c1", "ADD c1"],
    plugins: { ...router, ipam: hostLocal(v4, v6) },
  },
  { title: "CHECK without ADD", steps: ["CHECK c1"], plugins: { ...router, ipam: hostLocal(v4) } },
  {
    title: "an exhausted subnet",
    differs: [
      {
        fact: /^attached (host (link|sysctl \S*)\s?peer\(c2 eth0\)|c2 (link|sysctl) )/,
        berth: null,
        why: "a failed ADD leaves nothing behind (11)",
      },
    ],
    attachments: { c1: {}, c2: {} },
    plugins: { ...router, ipam: hostLocal("10.9.0.0/30") },
  },
];

compareSuites([...keys, ...lives]);
