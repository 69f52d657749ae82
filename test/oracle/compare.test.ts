import { expect, test } from "vitest";
import { hostLocal } from "./case.ts";
import { runCase } from "./compare.ts";
import { disagreements } from "./facts.ts";
import { suites } from "./suite.ts";

// A comparison is worth what it notices, and what it can be relied on not to.

const config = { type: "bridge", isDefaultGateway: true, ipam: hostLocal("10.9.0.0/24", "fd00:9::/64") };

test("a suite agrees with itself, whatever names and MACs it makes up", async () => {
  const title = "dual stack";
  const [one, other] = await Promise.all([
    runCase(suites.go, { title, plugins: config }),
    runCase(suites.go, { title, plugins: config }),
  ]);
  expect(disagreements(one.facts, other.facts)).toEqual([]);
  expect(one.facts.get("1. ADD c1 interfaces.1.name")).toBe("peer(c1 eth0)");
  expect(one.facts.get("attached c1 address eth0 10.9.0.2/24")).toBe("label eth0, scope global");
});

test("another MTU and another port flag are noticed wherever they show", async () => {
  const [one, other] = await Promise.all([
    runCase(suites.go, { title: "one", plugins: { ...config, mtu: 1400 } }),
    runCase(suites.go, { title: "other", plugins: { ...config, mtu: 1450, hairpinMode: true } }),
  ]);
  expect(disagreements(one.facts, other.facts).map(({ key, go, berth }) => `${key} = ${go}, ${berth}`)).toEqual([
    "attached host link cni0: mtu = 1400, 1450",
    "attached host link peer(c1 eth0): mtu = 1400, 1450",
    "attached host link peer(c1 eth0): linkinfo.info_slave_data.hairpin = false, true",
    "attached host sysctl ipv6/conf/cni0: mtu = 1400, 1450",
    "attached host sysctl ipv6/conf/peer(c1 eth0): mtu = 1400, 1450",
    "attached c1 link eth0: mtu = 1400, 1450",
    "attached c1 sysctl ipv6/conf/eth0: mtu = 1400, 1450",
  ]);
});

test("a connection tells who answers and whom it saw, or that nobody does", async () => {
  const { facts } = await runCase(suites.go, {
    title: "reached and not reached",
    plugins: config,
    connections: {
      servers: { c1: [80] },
      attempts: ["host tcp 10.9.0.2 80", "host udp fd00:9::2 80", "host tcp 10.9.0.2 81", "host udp 10.9.0.9 80"],
    },
  });
  expect([...facts].filter(([key]) => key.includes(" connection "))).toEqual([
    ["attached connection host tcp 10.9.0.2 80", "c1 10.9.0.1"],
    ["attached connection host udp fd00:9::2 80", "c1 fd00:9::1"],
    ["attached connection host tcp 10.9.0.2 81", "nobody"],
    ["attached connection host udp 10.9.0.9 80", "nobody"],
  ]);
});

test("what one suite lacks altogether is one disagreement", async () => {
  const [one, other] = await Promise.all([
    runCase(suites.go, { title: "one", plugins: config }),
    runCase(suites.go, { title: "other", plugins: config, steps: ["DEL c1"] }),
  ]);
  const found = disagreements(one.facts, other.facts);
  expect(found.filter(({ key }) => key.startsWith("attached c1 link eth0"))).toEqual([
    { key: "attached c1 link eth0", go: "there", berth: undefined },
  ]);
});
