import { versions } from "../../src/cni/version.ts";
import { type Case, hostLocal } from "./case.ts";
import { compareSuites } from "./compare.ts";

// The parent is a veth, whose kind every kernel has.

const v4 = "10.9.0.0/24";
const v6 = "fd00:9::/64";
const setup = "ip link add up0 type veth peer name far; ip link set up0 up; ip link set far up";
const macvlan = { type: "macvlan", master: "up0" } as const;

const everyVersion: Case[] = versions.map((version) => ({
  title: `both families, ${version}`,
  version,
  setup,
  plugins: { ...macvlan, ipam: hostLocal(v4, v6) },
}));

const modes: Case[] = ["bridge", "private", "vepa", "passthru", "other"].map((mode) => ({
  title: `mode ${mode}`,
  setup,
  plugins: { ...macvlan, mode, ipam: hostLocal(v4) },
}));

const mac = "92:d0:c6:0a:29:33";
const cases: Case[] = [
  { title: "layer 2", setup, plugins: macvlan },
  { title: "mtu", setup, plugins: { ...macvlan, mtu: 1400, ipam: hostLocal(v4) } },
  { title: "an mtu that the parent has not", setup, plugins: { ...macvlan, mtu: 9000, ipam: hostLocal(v4) } },
  { title: "mac", setup, plugins: { ...macvlan, mac, ipam: hostLocal(v4) } },
  {
    title: "MAC from CNI_ARGS",
    setup,
    attachments: { c1: { args: `IgnoreUnknown=1;MAC=${mac}` } },
    plugins: { ...macvlan, ipam: hostLocal(v4) },
  },
  {
    title: "MAC from runtimeConfig before mac",
    setup,
    attachments: { c1: { runtimeConfig: { mac } } },
    plugins: { ...macvlan, mac: "92:d0:c6:0a:29:34", ipam: hostLocal(v4) },
  },
  {
    title: "the parent of the default route",
    setup: `${setup}; ip address add 192.0.2.2/24 dev up0; ip route add default via 192.0.2.1`,
    plugins: { type: "macvlan", ipam: hostLocal(v4) },
  },
  { title: "no parent and no default route", setup, plugins: { type: "macvlan", ipam: hostLocal(v4) } },
  { title: "a parent that is not there", plugins: { ...macvlan, ipam: hostLocal(v4) } },
  {
    title: "default routes",
    setup,
    plugins: { ...macvlan, ipam: { ...hostLocal(v4, v6), routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }] } },
  },
  { title: "two containers", setup, attachments: { c1: {}, c2: {} }, plugins: { ...macvlan, ipam: hostLocal(v4) } },
  {
    title: "the container has a link of that name",
    differs: [
      {
        fact: /^released c1 (link|sysctl \S+) ?\S*(eth0|other)/,
        go: null,
        why: "DEL takes away nothing that is not ours",
      },
    ],
    setup: `${setup}; ip -n $c1 link add eth0 type veth peer name other`,
    plugins: { ...macvlan, ipam: hostLocal(v4) },
  },
];

compareSuites([...everyVersion, ...modes, ...cases]);
