import { versions } from "../../src/cni/version.ts";
import type { Case } from "./case.ts";
import { compareSuites } from "./compare.ts";

// static called by itself, as a runtime would call any plugin.

const v4 = { address: "10.9.0.5/24", gateway: "10.9.0.1" };
const v6 = { address: "fd00:9::5/64", gateway: "fd00:9::1" };

function ipam(
  ipam: Readonly<Record<string, unknown>>,
  others: Readonly<Record<string, unknown>> = {},
): Case["plugins"] {
  return { type: "static", ...others, ipam: { type: "static", ...ipam } };
}

const both = ipam({ addresses: [v4, v6] });

const everyVersion: Case[] = versions.map((version) => ({
  title: `both families, ${version}`,
  version,
  plugins: both,
}));

const addresses: Case[] = [
  { title: "without a gateway", plugins: ipam({ addresses: [{ address: "10.9.0.5/24" }] }) },
  {
    title: "several of a family",
    plugins: ipam({ addresses: [v4, { address: "10.9.0.6/24" }, { address: "10.10.0.6/16" }] }),
  },
  {
    title: "several of a family are too many for 0.2.0",
    version: "0.2.0",
    plugins: ipam({ addresses: [v4, { address: "10.9.0.6/24" }] }),
  },
  { title: "none", plugins: ipam({}) },
  { title: "no prefix length", plugins: ipam({ addresses: [{ address: "10.9.0.5" }] }) },
  { title: "a gateway that is none", plugins: ipam({ addresses: [{ address: "10.9.0.5/24", gateway: "10.9.0" }] }) },
  {
    title: "routes and dns",
    plugins: ipam({
      addresses: [v4],
      routes: [{ dst: "0.0.0.0/0" }, { dst: "198.51.100.0/24", gw: "10.9.0.9" }],
      dns: { nameservers: ["10.9.0.53"], domain: "a.example", search: ["b.example"], options: ["ndots:2"] },
    }),
  },
  {
    title: "several routers for a destination",
    plugins: ipam({
      addresses: [v4],
      routes: [
        { dst: "198.51.100.0/24", gw: "10.9.0.8" },
        { dst: "198.51.100.0/24", gw: "10.9.0.9" },
      ],
    }),
  },
];

const requests: Case[] = [
  { title: "CNI_ARGS", attachments: { c1: { args: "IP=10.9.0.7/24;GATEWAY=10.9.0.1" } }, plugins: ipam({}) },
  {
    title: "CNI_ARGS beside the configuration's",
    attachments: { c1: { args: "IP=10.10.0.7/24;GATEWAY=10.10.0.1" } },
    plugins: both,
  },
  {
    title: "CNI_ARGS, several",
    attachments: { c1: { args: "IP=10.9.0.7/24,fd00:9::7/64;GATEWAY=10.9.0.1,fd00:9::1" } },
    plugins: ipam({}),
  },
  {
    title: "CNI_ARGS, a gateway of no address",
    attachments: { c1: { args: "IP=10.9.0.7/24;GATEWAY=192.0.2.1" } },
    plugins: ipam({}),
  },
  { title: "CNI_ARGS, no prefix length", attachments: { c1: { args: "IP=10.9.0.7" } }, plugins: ipam({}) },
  {
    title: "args instead of the configuration's",
    plugins: ipam({ addresses: [v4] }, { args: { cni: { ips: ["10.9.0.8/24"] } } }),
  },
  { title: "args, no prefix length", plugins: ipam({ addresses: [v4] }, { args: { cni: { ips: ["10.9.0.8"] } } }) },
  {
    title: "runtimeConfig instead of args",
    attachments: { c1: { runtimeConfig: { ips: ["10.9.0.9/24", "fd00:9::9/64"] } } },
    plugins: ipam({ addresses: [v4] }, { args: { cni: { ips: ["10.9.0.8/24"] } } }),
  },
  {
    title: "runtimeConfig, no prefix length",
    attachments: { c1: { runtimeConfig: { ips: ["10.9.0.9"] } } },
    plugins: both,
  },
  { title: "no ipam", plugins: { type: "static" } },
  {
    title: "no ipam, with runtimeConfig",
    attachments: { c1: { runtimeConfig: { ips: ["10.9.0.9/24"] } } },
    plugins: { type: "static" },
  },
  { title: "CNI_ARGS with an unknown key", attachments: { c1: { args: "COLOUR=blue" } }, plugins: both },
  {
    title: "below a bridge",
    plugins: { type: "bridge", isDefaultGateway: true, ipam: { type: "static", addresses: [v4, v6] } },
  },
];

compareSuites([...everyVersion, ...addresses, ...requests]);
