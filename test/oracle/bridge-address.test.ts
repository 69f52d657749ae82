import { versions } from "../../src/cni/version.ts";
import { checksLayer2, router, v4, v6 } from "./bridge.ts";
import { type Case, hostLocal } from "./case.ts";
import { compareSuites } from "./compare.ts";
import { refusedByGo } from "./difference.ts";

const everyVersion: Case[] = versions.flatMap((version): Case[] => [
  { title: `IPv4, ${version}`, version, plugins: { ...router, ipam: hostLocal(v4) } },
  { title: `IPv6, ${version}`, version, plugins: { ...router, ipam: hostLocal(v6) } },
  { title: `dual stack, ${version}`, version, plugins: { ...router, ipam: hostLocal(v4, v6) } },
]);

const families: Case[] = [
  { title: "three subnets", plugins: { ...router, ipam: hostLocal(v4, v6, "fd00:a::/64") } },
  {
    title: "two subnets of IPv4",
    differs: refusedByGo("the gateway of the first subnet is no stranger to the second"),
    plugins: { ...router, ipam: hostLocal(v4, "10.10.0.0/16") },
  },
  { title: "IPv6 before IPv4", plugins: { ...router, ipam: hostLocal(v6, v4) } },
  {
    title: "three subnets are too many for 0.2.0",
    version: "0.2.0",
    plugins: { ...router, ipam: hostLocal(v4, v6, "fd00:a::/64") },
  },
];

const layer2: Case[] = [
  { title: "layer 2, no ipam", differs: [checksLayer2], plugins: { type: "bridge", bridge: "l2" } },
  { title: "layer 2, empty ipam", differs: [checksLayer2], plugins: { type: "bridge", bridge: "l2", ipam: {} } },
  { title: "layer 2, 0.3.1 has no CHECK", version: "0.3.1", plugins: { type: "bridge", bridge: "l2" } },
  { title: "layer 2, isGateway has no address to give", differs: [checksLayer2], plugins: { ...router, bridge: "l2" } },
];

compareSuites([...everyVersion, ...families, ...layer2]);
