import { versionAtLeast, versions } from "../../src/cni/version.ts";
import { type Case, hostLocal, type PluginConfig } from "./case.ts";
import { compareSuites } from "./compare.ts";
import type { Difference } from "./difference.ts";

const v4 = "10.9.0.0/24";
const v6 = "fd00:9::/64";

/** Of the plugin before sbr. */
const check: Difference = {
  fact: /^\d+\. CHECK \S+$/,
  go: /^fails$/,
  berth: /^succeeds$/,
  why: "CHECK passes where routes are in other tables (26)",
};

function chain(bridge: object, sbr: object = {}): PluginConfig[] {
  return [
    { type: "bridge", isGateway: true, ...bridge },
    { type: "sbr", ...sbr },
  ];
}

const fixed = (...addresses: object[]): PluginConfig => ({ type: "static", addresses });

const everyVersion: Case[] = versions
  .filter((version) => versionAtLeast(version, "0.3.0"))
  .map((version) => ({
    title: `IPv4, ${version}`,
    version,
    plugins: chain({ ipam: hostLocal(v4) }),
    differs: versionAtLeast(version, "0.4.0") ? [check] : [],
  }));

const cases: Case[] = [
  { title: "IPv6", plugins: chain({ ipam: hostLocal(v6) }) },
  { title: "a default route before", plugins: chain({ isDefaultGateway: true, ipam: hostLocal(v4) }) },
  {
    title: "routes",
    plugins: chain({
      ipam: {
        ...hostLocal(v4),
        routes: [{ dst: "198.51.100.0/24" }, { dst: "203.0.113.0/24", gw: "10.9.0.9" }, { dst: "0.0.0.0/0" }],
      },
    }),
  },
  { title: "routes of IPv6", plugins: chain({ ipam: { ...hostLocal(v6), routes: [{ dst: "2001:db8::/48" }] } }) },
  {
    title: "two addresses of two subnets",
    plugins: chain({
      ipam: fixed({ address: "10.9.0.7/24", gateway: "10.9.0.1" }, { address: "10.10.0.7/24", gateway: "10.10.0.1" }),
      isGateway: false,
    }),
  },
  { title: "no gateway", plugins: chain({ isGateway: false, ipam: fixed({ address: "10.9.0.7/24" }) }) },
  {
    title: "two interfaces of one container",
    attachments: { "c1/eth0": {}, "c1/eth1": {} },
    plugins: chain({ ipam: hostLocal(v4) }),
  },
  {
    title: "tables that rules name",
    setup: "ip -n $c1 rule add from 192.0.2.7 table 100",
    plugins: chain({ ipam: hostLocal(v4) }),
  },
];

const others: Case[] = [
  {
    title: "both families",
    plugins: chain({ ipam: hostLocal(v4, v6) }),
    differs: [
      check,
      {
        fact: /^attached c1 route 100 fd00:9::\/64 dev eth0$/,
        berth: null,
        why: "the table of an IPv4 address has no use for routes of IPv6",
      },
    ],
  },
  {
    title: "behind ptp",
    plugins: [{ type: "ptp", ipam: hostLocal(v4) }, { type: "sbr" }],
    differs: [
      check,
      { fact: /^attached host route main 10\.9\.0\.2 dev peer/, why: "as in ptp.test.ts" },
      { fact: /^attached c1 address eth0 /, why: "as in ptp.test.ts" },
    ],
  },
  { title: "alone", steps: ["ADD c1"], plugins: { type: "sbr" } },
];

compareSuites([...everyVersion, ...cases.map((oracle) => ({ ...oracle, differs: [check] })), ...others]);
