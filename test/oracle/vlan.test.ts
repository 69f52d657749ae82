import { versions } from "../../src/cni/version.ts";
import { type Case, hostLocal } from "./case.ts";
import { compareSuites } from "./compare.ts";
import type { Difference } from "./difference.ts";

// What the suite of Debian 12 (v1.1.1) does not have is left out: linkInContainer.

const v4 = "10.9.0.0/24";
const v6 = "fd00:9::/64";
const setup = "ip link add up0 type veth peer name far; ip link set up0 up; ip link set far up";
const vlan = { type: "vlan", master: "up0", vlanId: 100 } as const;
const needs = "link kind vlan";

const everyVersion: Case[] = versions.map((version) => ({
  title: `both families, ${version}`,
  version,
  needs,
  setup,
  plugins: { ...vlan, ipam: hostLocal(v4, v6) },
}));

const made: Case[] = [
  { title: "mtu", plugins: { ...vlan, mtu: 1400, ipam: hostLocal(v4) } },
  { title: "VLAN 4094", plugins: { ...vlan, vlanId: 4094, ipam: hostLocal(v4) } },
  { title: "VLAN 0", plugins: { type: "vlan", master: "up0", ipam: hostLocal(v4) } },
  {
    title: "routes",
    plugins: { ...vlan, ipam: { ...hostLocal(v4), routes: [{ dst: "198.51.100.0/24", gw: "10.9.0.9" }] } },
  },
].map((oracle) => ({ ...oracle, needs, setup }));

const goDelFails: Difference = {
  fact: /^\d+\. DEL c1$/,
  go: /^fails$/,
  berth: /^succeeds$/,
  why: "DEL needs no master (4)",
};

const refused: Case[] = [
  { title: "no such master", differs: [goDelFails], plugins: { ...vlan, master: "up9", ipam: hostLocal(v4) } },
  { title: "no master", plugins: { type: "vlan", vlanId: 100, ipam: hostLocal(v4) } },
  { title: "a VLAN id that is too high", plugins: { ...vlan, vlanId: 4095, ipam: hostLocal(v4) } },
  { title: "a VLAN id below 0", plugins: { ...vlan, vlanId: -1, ipam: hostLocal(v4) } },
  { title: "an MTU above the master's", plugins: { ...vlan, mtu: 1501, ipam: hostLocal(v4) } },
  { title: "an MTU below 0", plugins: { ...vlan, mtu: -1, ipam: hostLocal(v4) } },
  { title: "an MTU that is text", plugins: { ...vlan, mtu: "1400", ipam: hostLocal(v4) } },
].map((oracle) => ({ ...oracle, setup }));

compareSuites([...everyVersion, ...made, ...refused]);
