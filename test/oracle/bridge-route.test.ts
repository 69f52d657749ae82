import { goCheckFails, router, v4, v6 } from "./bridge.ts";
import { type Case, hostLocal } from "./case.ts";
import { compareSuites } from "./compare.ts";

const resolvConf =
  "printf 'nameserver 10.9.0.53\\ndomain example.org\\nsearch a.example b.example\\noptions ndots:2\\n' > $STATE/resolv.conf";

const routes: Case[] = [
  {
    title: "routes by the gateway",
    differs: [goCheckFails("until v1.3.0 CHECK looked for a route without gateway")],
    plugins: {
      type: "bridge",
      ipam: { ...hostLocal(v4, v6), routes: [{ dst: "198.51.100.0/24" }, { dst: "2001:db8::/32" }] },
    },
  },
  {
    title: "routes by other routers",
    plugins: {
      ...router,
      ipam: {
        ...hostLocal(v4, v6),
        routes: [
          { dst: "198.51.100.0/24", gw: "10.9.0.9" },
          { dst: "2001:db8::/32", gw: "fd00:9::9" },
        ],
      },
    },
  },
  {
    title: "default routes from IPAM alone",
    plugins: { type: "bridge", ipam: { ...hostLocal(v4, v6), routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }] } },
  },
  {
    title: "a route whose destination has host bits",
    goInstead: {
      plugins: { type: "bridge", ipam: { ...hostLocal(v4), routes: [{ dst: "198.51.100.0/24" }] } },
      why: "it hands the kernel the host bits, which refuses them",
    },
    differs: [
      {
        fact: /^1\. ADD c1 routes\.0\.dst$/,
        berth: /^198\.51\.100\.7\/24$/,
        why: "the result names the route as it was asked for",
      },
      goCheckFails("until v1.3.0 CHECK looked for a route without gateway"),
    ],
    plugins: { type: "bridge", ipam: { ...hostLocal(v4), routes: [{ dst: "198.51.100.7/24" }] } },
  },
  {
    title: "a route by a router that is not on the link",
    plugins: { type: "bridge", ipam: { ...hostLocal(v4), routes: [{ dst: "198.51.100.0/24", gw: "192.0.2.1" }] } },
  },
  {
    title: "two routers for one destination, IPv6",
    differs: [goCheckFails("CHECK looks for two routes, and the kernel has one of two hops")],
    plugins: {
      type: "bridge",
      ipam: {
        ...hostLocal(v6),
        routes: [
          { dst: "2001:db8::/32", gw: "fd00:9::8" },
          { dst: "2001:db8::/32", gw: "fd00:9::9" },
        ],
      },
    },
  },
  {
    title: "two routers for one destination, IPv4",
    differs: [
      {
        fact: /^attached c1 route main 198\.51\.100\.0\/24 via 10\.9\.0\.[89] dev eth0$/,
        berth: null,
        why: "two routes, of which one is used (13)",
      },
      {
        fact: /^attached c1 route main 198\.51\.100\.0\/24 via 10\.9\.0\.8 dev eth0 \+ via 10\.9\.0\.9 dev eth0$/,
        go: null,
        why: "one route of two hops",
      },
    ],
    plugins: {
      type: "bridge",
      ipam: {
        ...hostLocal(v4),
        routes: [
          { dst: "198.51.100.0/24", gw: "10.9.0.8" },
          { dst: "198.51.100.0/24", gw: "10.9.0.9" },
        ],
      },
    },
  },
  {
    title: "the same route twice",
    goInstead: {
      plugins: { type: "bridge", ipam: { ...hostLocal(v4), routes: [{ dst: "198.51.100.0/24" }] } },
      why: "a route that is there is an error (13)",
    },
    differs: [
      { fact: /^1\. ADD c1 routes\.1\.dst$/, go: null, why: "the result has the routes that IPAM gave" },
      goCheckFails("until v1.3.0 CHECK looked for a route without gateway"),
    ],
    plugins: {
      type: "bridge",
      ipam: { ...hostLocal(v4), routes: [{ dst: "198.51.100.0/24" }, { dst: "198.51.100.0/24" }] },
    },
  },
  {
    title: "a route of a family without address",
    plugins: { type: "bridge", ipam: { ...hostLocal(v4), routes: [{ dst: "2001:db8::/32" }] } },
  },
];

const dns: Case[] = [
  {
    title: "dns of the configuration",
    plugins: {
      ...router,
      dns: { nameservers: ["10.9.0.53"], domain: "example.org", search: ["example.org"], options: ["ndots:2"] },
      ipam: hostLocal(v4),
    },
  },
  {
    title: "dns from resolvConf",
    differs: [{ fact: /^1\. ADD c1 dns\./, go: null, why: "since v1.2.0 the bridge passes on what IPAM says of DNS" }],
    setup: resolvConf,
    plugins: { ...router, ipam: { ...hostLocal(v4), resolvConf: "$STATE/resolv.conf" } },
  },
  {
    title: "dns of the configuration before resolvConf",
    setup: resolvConf,
    plugins: {
      ...router,
      dns: { nameservers: ["10.9.0.54"] },
      ipam: { ...hostLocal(v4), resolvConf: "$STATE/resolv.conf" },
    },
  },
  {
    title: "dns of 0.2.0",
    version: "0.2.0",
    plugins: { ...router, dns: { nameservers: ["10.9.0.53"] }, ipam: hostLocal(v4) },
  },
];

compareSuites([...routes, ...dns]);
