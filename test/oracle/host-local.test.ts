import { versions } from "../../src/cni/version.ts";
import { type AttachmentOptions, type Case, hostLocal, hostLocalState } from "./case.ts";
import { compareSuites } from "./compare.ts";
import { refusedByGo } from "./difference.ts";

// host-local called by itself, as a runtime would call any plugin: results, reservations and refusals.

const v4 = "10.9.0.0/24";
const v6 = "fd00:9::/64";

/** The plugin with this `ipam`, and what else the configuration says. */
function ipam(
  ipam: Readonly<Record<string, unknown>>,
  others: Readonly<Record<string, unknown>> = {},
): Case["plugins"] {
  return { type: "host-local", ...others, ipam: { ...hostLocalState, ...ipam } };
}

function asked(options: AttachmentOptions): Pick<Case, "attachments"> {
  return { attachments: { c1: options } };
}

const everyVersion: Case[] = versions.map((version) => ({
  title: `both families, ${version}`,
  version,
  plugins: ipam(hostLocal(v4, v6)),
}));

const ranges: Case[] = [
  { title: "one subnet, the old way", plugins: ipam({ subnet: v4 }) },
  {
    title: "start, end and gateway, the old way",
    plugins: ipam({ subnet: v4, rangeStart: "10.9.0.20", rangeEnd: "10.9.0.30", gateway: "10.9.0.25" }),
  },
  { title: "the old way and ranges together", plugins: ipam({ subnet: v4, ranges: [[{ subnet: v6 }]] }) },
  {
    title: "several ranges in a set",
    attachments: { c1: {}, c2: {}, c3: {} },
    plugins: ipam({
      ranges: [
        [
          { subnet: v4, rangeStart: "10.9.0.9", rangeEnd: "10.9.0.10" },
          { subnet: "10.10.0.0/24", gateway: "10.10.0.254" },
        ],
      ],
    }),
  },
  {
    title: "a gateway that is the first address",
    attachments: { c1: {}, c2: {} },
    plugins: ipam({ ranges: [[{ subnet: v4, rangeStart: "10.9.0.1" }]] }),
  },
  { title: "a gateway outside of the subnet", plugins: ipam({ ranges: [[{ subnet: v4, gateway: "192.0.2.1" }]] }) },
  {
    title: "a subnet of two free addresses, less the gateway",
    attachments: { c1: {}, c2: {} },
    plugins: ipam({ ranges: [[{ subnet: "10.9.0.0/30" }]] }),
  },
  {
    title: "a small subnet of IPv6, to its last address",
    attachments: { c1: {}, c2: {}, c3: {} },
    plugins: ipam({ ranges: [[{ subnet: "fd00:9::/126" }]] }),
  },
  {
    title: "IPv6 in other notations",
    plugins: ipam({ ranges: [[{ subnet: "FD00:9:0:0::/64", rangeStart: "FD00:0009::00AB" }]] }),
  },
  {
    title: "IPv4 written as IPv6",
    goInstead: { plugins: ipam(hostLocal(v4)), why: "it takes the mask of IPv6 for one that does not fit" },
    plugins: ipam({ ranges: [[{ subnet: "::ffff:10.9.0.0/120" }]] }),
  },
  {
    title: "ranges of the runtime",
    ...asked({ runtimeConfig: { ipRanges: [[{ subnet: "10.77.0.0/24" }]] } }),
    plugins: ipam(hostLocal(v6), { capabilities: { ipRanges: true } }),
  },
  {
    title: "ranges of the runtime, as containerd writes them",
    ...asked({
      runtimeConfig: { ipRanges: [[{ Subnet: "10.77.0.0/24", RangeStart: "10.77.0.8", RangeEnd: "", Gateway: "" }]] },
    }),
    plugins: ipam({}),
  },
];

const refusals: Case[] = [
  { title: "no ranges", plugins: ipam({}) },
  { title: "an empty set", plugins: ipam({ ranges: [[]] }) },
  { title: "no ipam", plugins: { type: "host-local" } },
  { title: "a subnet with host bits", plugins: ipam(hostLocal("10.9.0.7/24")) },
  {
    title: "a subnet of two addresses and no more",
    differs: refusedByGo("a /31 has two addresses (35)"),
    plugins: ipam(hostLocal("10.9.0.0/31")),
  },
  { title: "a subnet that is none", plugins: ipam(hostLocal("10.9.0.0")) },
  { title: "a subnet with leading zeros", plugins: ipam(hostLocal("010.9.0.0/24")) },
  { title: "a start outside", plugins: ipam({ ranges: [[{ subnet: v4, rangeStart: "10.10.0.1" }]] }) },
  {
    title: "an end before the start",
    plugins: ipam({ ranges: [[{ subnet: v4, rangeStart: "10.9.0.9", rangeEnd: "10.9.0.8" }]] }),
  },
  { title: "two families in a set", plugins: ipam({ ranges: [[{ subnet: v4 }, { subnet: v6 }]] }) },
  { title: "ranges that overlap in a set", plugins: ipam({ ranges: [[{ subnet: v4 }, { subnet: "10.9.0.128/25" }]] }) },
  { title: "sets that overlap", plugins: ipam(hostLocal(v4, "10.9.0.128/25")) },
  { title: "ranges that are no list", plugins: ipam({ ranges: { subnet: v4 } }) },
];

const requests: Case[] = [
  { title: "an address from CNI_ARGS", ...asked({ args: "IP=10.9.0.77" }), plugins: ipam(hostLocal(v4)) },
  {
    title: "an address with its prefix from CNI_ARGS",
    ...asked({ args: "IP=10.9.0.77/24" }),
    plugins: ipam(hostLocal(v4, v6)),
  },
  {
    title: "addresses from args",
    plugins: ipam(hostLocal(v4, v6), { args: { cni: { ips: ["fd00:9::77", "10.9.0.77"] } } }),
  },
  {
    title: "addresses of the runtime",
    ...asked({ runtimeConfig: { ips: ["10.9.0.77/24", "fd00:9::77/64"] } }),
    plugins: ipam(hostLocal(v4, v6)),
  },
  {
    title: "an address for one of two families",
    ...asked({ runtimeConfig: { ips: ["fd00:9::77"] } }),
    plugins: ipam(hostLocal(v4, v6)),
  },
  { title: "an empty address", ...asked({ args: "IP=" }), plugins: ipam(hostLocal(v4)) },
  { title: "an address of no range", ...asked({ args: "IP=192.0.2.1" }), plugins: ipam(hostLocal(v4)) },
  { title: "the gateway's address", ...asked({ args: "IP=10.9.0.1" }), plugins: ipam(hostLocal(v4)) },
  {
    title: "two addresses of one range",
    ...asked({ runtimeConfig: { ips: ["10.9.0.77", "10.9.0.78"] } }),
    plugins: ipam(hostLocal(v4)),
  },
  { title: "an address that is none", ...asked({ args: "IP=10.9.0" }), plugins: ipam(hostLocal(v4)) },
  {
    title: "an address that is taken",
    attachments: { c1: { args: "IP=10.9.0.77" }, c2: { args: "IP=10.9.0.77" } },
    plugins: ipam(hostLocal(v4)),
  },
  {
    title: "the address after one that was asked for",
    attachments: { c1: { args: "IP=10.9.0.77" }, c2: {} },
    plugins: ipam(hostLocal(v4)),
  },
];

const lives: Case[] = [
  { title: "two interfaces of a container", attachments: { c1: {}, "c1/eth1": {} }, plugins: ipam(hostLocal(v4, v6)) },
  { title: "ADD twice", steps: ["ADD c1", "ADD c1"], plugins: ipam(hostLocal(v4)) },
  {
    title: "an address is not given again at once",
    attachments: { c1: {}, c2: {} },
    steps: ["ADD c1", "DEL c1", "ADD c2"],
    plugins: ipam(hostLocal(v4)),
  },
  { title: "DEL without ADD", steps: ["DEL c1"], plugins: ipam(hostLocal(v4)) },
  { title: "CHECK without ADD", steps: ["CHECK c1"], plugins: ipam(hostLocal(v4)) },
  {
    title: "the search goes on after the last reserved address, around the end",
    attachments: { c1: {}, c2: {}, c3: {} },
    setup: "mkdir $STATE/networks/oracle; printf 10.9.0.253 > $STATE/networks/oracle/last_reserved_ip.0",
    plugins: ipam(hostLocal(v4)),
  },
  {
    title: "a last reserved address that is in no range",
    setup: "mkdir $STATE/networks/oracle; printf 192.0.2.9 > $STATE/networks/oracle/last_reserved_ip.0",
    plugins: ipam(hostLocal(v4)),
  },
  {
    title: "a last reserved address that is none",
    setup: "mkdir $STATE/networks/oracle; printf nonsense > $STATE/networks/oracle/last_reserved_ip.0",
    plugins: ipam(hostLocal(v4)),
  },
  {
    title: "reservations of others, in the old format and with blanks",
    setup:
      "mkdir $STATE/networks/oracle; cd $STATE/networks/oracle; printf other > 10.9.0.2; printf ' another \\n' > 10.9.0.3",
    plugins: ipam(hostLocal(v4)),
  },
  {
    title: "a reservation in the old format is the container's own",
    setup: "mkdir $STATE/networks/oracle; printf 'c1-id\\n' > $STATE/networks/oracle/10.9.0.9",
    steps: ["CHECK c1"],
    plugins: ipam(hostLocal(v4)),
  },
  {
    title: "the container has an address already, in the old format",
    setup: "mkdir $STATE/networks/oracle; printf c1-id > $STATE/networks/oracle/10.9.0.9",
    plugins: ipam(hostLocal(v4)),
  },
  {
    title: "files that are no reservations",
    differs: refusedByGo("a reservation is a file named as its address, not one beneath a folder"),
    setup:
      "mkdir $STATE/networks/oracle; cd $STATE/networks/oracle; printf c1-id > notes.txt; mkdir folder; printf c1-id > folder/10.9.0.4",
    plugins: ipam(hostLocal(v4)),
  },
];

const extras: Case[] = [
  {
    title: "routes",
    plugins: ipam({ ...hostLocal(v4), routes: [{ dst: "0.0.0.0/0" }, { dst: "2001:DB8::/32", gw: "FD00::1" }] }),
  },
  { title: "a route that is none", plugins: ipam({ ...hostLocal(v4), routes: [{ dst: "198.51.100.0" }] }) },
  {
    title: "resolvConf with comments and all fields",
    setup:
      "printf '# one\\n; two\\nnameserver 10.9.0.53\\n nameserver  fd00::53 # no\\ndomain a.example\\ndomain b.example\\nsearch x y\\nsearch z\\noptions ndots:2 debug\\nsortlist 1\\n\\n' > $STATE/resolv.conf",
    plugins: ipam({ ...hostLocal(v4), resolvConf: "$STATE/resolv.conf" }),
  },
  { title: "resolvConf that is not there", plugins: ipam({ ...hostLocal(v4), resolvConf: "$STATE/resolv.conf" }) },
];

compareSuites([...everyVersion, ...ranges, ...refusals, ...requests, ...lives, ...extras]);
