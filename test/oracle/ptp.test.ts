import { versions } from "../../src/cni/version.ts";
import { type Case, hostLocal, hostLocalState } from "./case.ts";
import { compareSuites } from "./compare.ts";
import { type Difference, leavesForeignLinks, refusedByGo } from "./difference.ts";

const v4 = "10.9.0.0/24";
const v6 = "fd00:9::/64";

const scope: Difference = {
  fact: /^attached host route main 10\.9\.0\.\d dev peer\(.*\)$/,
  go: /scope host$/,
  berth: /scope link$/,
  why: "the container is on the link; scope host is for the host's own addresses",
};
const noPrefixRoute: Difference = {
  fact: /^attached c\d address eth0 /,
  berth: /noprefixroute true/,
  why: "the kernel's route to the subnet, wrong here, is not made, instead of deleted",
};
const always = [scope, noPrefixRoute];

const everyVersion: Case[] = versions.map((version) => ({
  title: `both families, ${version}`,
  version,
  plugins: { type: "ptp", ipam: hostLocal(v4, v6) },
  differs: always,
}));

const cases: Case[] = [
  { title: "IPv4", differs: always, plugins: { type: "ptp", ipam: hostLocal(v4) } },
  { title: "IPv6", differs: [noPrefixRoute], plugins: { type: "ptp", ipam: hostLocal(v6) } },
  { title: "three subnets", differs: always, plugins: { type: "ptp", ipam: hostLocal(v4, v6, "fd00:a::/64") } },
  { title: "mtu", differs: always, plugins: { type: "ptp", mtu: 1400, ipam: hostLocal(v4, v6) } },
  {
    title: "default routes",
    differs: always,
    plugins: { type: "ptp", ipam: { ...hostLocal(v4, v6), routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }] } },
  },
  {
    title: "a route by another router",
    differs: [
      ...always,
      {
        fact: /^attached c1 route main 198\.51\.100\.0\/24 via 10\.9\.0\.9 dev eth0$/,
        berth: /onlink/,
        why: "the Go suite adds it while the kernel's route to the subnet is there, which ours never is",
      },
    ],
    plugins: { type: "ptp", ipam: { ...hostLocal(v4), routes: [{ dst: "198.51.100.0/24", gw: "10.9.0.9" }] } },
  },
  {
    title: "a gateway that the range names",
    differs: always,
    plugins: { type: "ptp", ipam: { ...hostLocalState, ranges: [[{ subnet: v4, gateway: "10.9.0.254" }]] } },
  },
  {
    title: "dns of the configuration",
    differs: always,
    plugins: { type: "ptp", dns: { nameservers: ["10.9.0.53"] }, ipam: hostLocal(v4) },
  },
  { title: "no ipam", differs: refusedByGo("a link without addresses is served (39)"), plugins: { type: "ptp" } },
  {
    title: "two containers",
    differs: always,
    attachments: { c1: {}, c2: {} },
    plugins: { type: "ptp", ipam: hostLocal(v4, v6) },
  },
  {
    title: "the container has a link of that name",
    differs: [leavesForeignLinks],
    setup: "ip -n $c1 link add eth0 type veth peer name other",
    plugins: { type: "ptp", ipam: hostLocal(v4) },
  },
  { title: "keys in another case", differs: always, plugins: { type: "ptp", MTU: 1400, IPAM: hostLocal(v4) } },
];

compareSuites([...everyVersion, ...cases]);
