import { versions } from "../../src/cni/version.ts";
import { type Case, hostLocal } from "./case.ts";
import { compareSuites } from "./compare.ts";
import type { Difference } from "./difference.ts";

const v4 = "10.9.0.0/24";
const v6 = "fd00:9::/64";

/** One end of a veth pair as the interface, the other end outside. */
const card = `
ip link add card0 address 02:00:00:00:09:aa type veth peer name far
ip link set far up`;

const alias: Difference = {
  fact: /^released host link card\d: ifalias$/,
  go: /^card\d$/,
  berth: null,
  why: "the alias is only for the time in the container",
};
const always = [alias];

const everyVersion: Case[] = versions.map((version) => ({
  title: `both families, ${version}`,
  version,
  setup: card,
  plugins: { type: "host-device", device: "card0", ipam: hostLocal(v4, v6) },
  differs: always,
}));

const cases: Case[] = [
  {
    title: "IPv4",
    setup: card,
    differs: always,
    plugins: { type: "host-device", device: "card0", ipam: hostLocal(v4) },
  },
  {
    title: "IPv6",
    setup: card,
    differs: always,
    plugins: { type: "host-device", device: "card0", ipam: hostLocal(v6) },
  },
  {
    title: "three subnets and default routes",
    setup: card,
    differs: always,
    plugins: {
      type: "host-device",
      device: "card0",
      ipam: { ...hostLocal(v4, v6, "fd00:a::/64"), routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }] },
    },
  },
  { title: "no ipam", setup: card, differs: always, plugins: { type: "host-device", device: "card0" } },
  { title: "an empty ipam", setup: card, differs: always, plugins: { type: "host-device", device: "card0", ipam: {} } },
  {
    title: "by MAC",
    setup: card,
    differs: always,
    plugins: { type: "host-device", hwaddr: "02-00-00-00-09-AA", ipam: hostLocal(v4) },
  },
  {
    title: "the device counts before the MAC",
    setup: `${card}; ip link add card1 address 02:00:00:00:09:bb type veth peer name far1`,
    differs: always,
    plugins: { type: "host-device", device: "card1", hwaddr: "02:00:00:00:09:aa", ipam: hostLocal(v4) },
  },
  {
    title: "two interfaces of one container",
    setup: `${card}; ip link add card1 type veth peer name far1`,
    attachments: { c1: {} },
    differs: always,
    plugins: { type: "host-device", device: "card1", ipam: hostLocal(v4) },
  },
  {
    title: "an interface that is up and has addresses",
    setup: `${card}; ip link set card0 up; ip address add 10.7.0.1/24 dev card0`,
    differs: always,
    plugins: { type: "host-device", device: "card0", ipam: hostLocal(v4, v6) },
  },
  {
    title: "the host has a link of the container's name",
    setup: `${card}; ip link add eth0 type bridge`,
    differs: always,
    plugins: { type: "host-device", device: "card0", ipam: hostLocal(v4) },
  },
  {
    title: "a second ADD before DEL",
    setup: card,
    steps: ["ADD c1", "ADD c1"],
    differs: always,
    plugins: { type: "host-device", device: "card0" },
  },
  {
    title: "dns of the configuration",
    setup: card,
    differs: always,
    plugins: { type: "host-device", device: "card0", dns: { nameservers: ["10.9.0.53"] }, ipam: hostLocal(v4) },
  },
  {
    title: "no such device",
    setup: card,
    plugins: { type: "host-device", device: "card7", ipam: hostLocal(v4) },
  },
  { title: "nothing that names a device", setup: card, plugins: { type: "host-device", ipam: hostLocal(v4) } },
  {
    title: "keys in another case",
    setup: card,
    differs: always,
    plugins: { type: "host-device", Device: "card0", IPAM: hostLocal(v4) },
  },
];

compareSuites([...everyVersion, ...cases]);
