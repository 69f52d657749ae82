import { versions } from "../../src/cni/version.ts";
import { type Case, hostLocal } from "./case.ts";
import { compareSuites } from "./compare.ts";

// What the suite of Debian 12 (v1.1.1) does not have is left out: linkInContainer, flag.

const v4 = "10.9.0.0/24";
const v6 = "fd00:9::/64";
const setup = "ip link add up0 type veth peer name far; ip link set up0 up; ip link set far up";
const ipvlan = { type: "ipvlan", master: "up0" } as const;
const needs = "link kind ipvlan";

const everyVersion: Case[] = versions.map((version) => ({
  title: `both families, ${version}`,
  version,
  needs,
  setup,
  plugins: { ...ipvlan, ipam: hostLocal(v4, v6) },
}));

const made: Case[] = [
  ...["l2", "l3", "l3s"].map((mode) => ({ title: `mode ${mode}`, plugins: { ...ipvlan, mode, ipam: hostLocal(v4) } })),
  { title: "mtu", plugins: { ...ipvlan, mtu: 1400, ipam: hostLocal(v4) } },
  {
    title: "routes",
    plugins: { ...ipvlan, ipam: { ...hostLocal(v4), routes: [{ dst: "198.51.100.0/24", gw: "10.9.0.9" }] } },
  },
  { title: "two containers", attachments: { c1: {}, c2: {} }, plugins: { ...ipvlan, ipam: hostLocal(v4, v6) } },
].map((oracle) => ({ ...oracle, needs, setup }));

const refused: Case[] = [
  { title: "no such master", plugins: { ...ipvlan, master: "up9", ipam: hostLocal(v4) } },
  { title: "no master, and no default route", plugins: { type: "ipvlan", ipam: hostLocal(v4) } },
  { title: "an unknown mode", plugins: { ...ipvlan, mode: "l4", ipam: hostLocal(v4) } },
  { title: "an MTU that is text", plugins: { ...ipvlan, mtu: "1400", ipam: hostLocal(v4) } },
  { title: "an IPAM plugin that is not there", plugins: { ...ipvlan, ipam: { type: "nowhere" } } },
].map((oracle) => ({ ...oracle, setup }));

compareSuites([...everyVersion, ...made, ...refused]);
