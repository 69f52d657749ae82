import { router, v4, v6 } from "./bridge.ts";
import { type Case, hostLocal, hostLocalState } from "./case.ts";
import { compareSuites } from "./compare.ts";
import { type Difference, leavesForeignLinks } from "./difference.ts";

const foreignAddress = "ip link add cni0 type bridge; ip address add 10.77.0.1/24 dev cni0";
const foreignIPv6 = "ip link add cni0 type bridge; ip link set cni0 up; ip address add fd00:77::1/64 dev cni0 nodad";
const overlappingIPv6 = "ip link add cni0 type bridge; ip link set cni0 up; ip address add fd00:9::7/64 dev cni0 nodad";

/** For an ADD that is refused, and a bridge that was there and down. */
const setsBridgeBack: Difference = {
  fact: /^(attached|released) host (link cni0: flags|sysctl ipv6\/conf\/cni0: accept_ra)$/,
  why: "a failed ADD leaves a bridge that was there as it was (11)",
};

const gateways: Case[] = [
  { title: "no gateway", plugins: { type: "bridge", ipam: hostLocal(v4, v6) } },
  { title: "isGateway", plugins: { type: "bridge", isGateway: true, ipam: hostLocal(v4, v6) } },
  {
    title: "isGateway, address of the gateway from the range",
    plugins: {
      type: "bridge",
      isGateway: true,
      ipam: {
        ...hostLocalState,
        ranges: [[{ subnet: v4, gateway: "10.9.0.254" }], [{ subnet: v6, gateway: "fd00:9::ff" }]],
      },
    },
  },
  {
    title: "isDefaultGateway, and a default route with a gateway from IPAM",
    plugins: { ...router, ipam: { ...hostLocal(v4), routes: [{ dst: "0.0.0.0/0", gw: "10.9.0.7" }] } },
  },
  {
    title: "isDefaultGateway, and a default route without a gateway from IPAM",
    plugins: { ...router, ipam: { ...hostLocal(v4), routes: [{ dst: "0.0.0.0/0" }] } },
    goInstead: {
      plugins: { type: "bridge", isGateway: true, ipam: { ...hostLocal(v4), routes: [{ dst: "0.0.0.0/0" }] } },
      why: "defect 13: the same default route twice, so `file exists`",
    },
  },
  {
    title: "isDefaultGateway for IPv6, and a default route for IPv4 from IPAM",
    plugins: { ...router, ipam: { ...hostLocal(v4, v6), routes: [{ dst: "0.0.0.0/0", gw: "10.9.0.1" }] } },
  },
];

const existingBridge: Case[] = [
  {
    title: "bridge is there, down",
    setup: "ip link add cni0 type bridge",
    plugins: { ...router, ipam: hostLocal(v4) },
  },
  {
    title: "bridge is there, with the gateway's address",
    setup: "ip link add cni0 type bridge; ip link set cni0 up; ip address add 10.9.0.1/24 dev cni0",
    plugins: { ...router, ipam: hostLocal(v4) },
  },
  {
    title: "bridge is there, with another MTU",
    setup: "ip link add cni0 mtu 9000 type bridge; ip link set cni0 up",
    plugins: { ...router, mtu: 1400, ipam: hostLocal(v4) },
  },
  {
    title: "bridge has another IPv4 address",
    differs: [setsBridgeBack],
    setup: foreignAddress,
    plugins: { ...router, ipam: hostLocal(v4) },
  },
  {
    title: "bridge has another IPv4 address, forceAddress",
    setup: foreignAddress,
    plugins: { ...router, forceAddress: true, ipam: hostLocal(v4) },
  },
  {
    title: "bridge has another IPv6 subnet's address",
    setup: foreignIPv6,
    plugins: { ...router, ipam: hostLocal(v6) },
  },
  {
    title: "bridge has another IPv6 subnet's address, forceAddress",
    setup: foreignIPv6,
    plugins: { ...router, forceAddress: true, ipam: hostLocal(v6) },
  },
  {
    title: "bridge has another address of the same IPv6 subnet",
    differs: [setsBridgeBack],
    setup: overlappingIPv6,
    plugins: { ...router, ipam: hostLocal(v6) },
  },
  {
    title: "bridge has another address of the same IPv6 subnet, forceAddress",
    setup: overlappingIPv6,
    plugins: { ...router, forceAddress: true, ipam: hostLocal(v6) },
  },
  {
    title: "a link that is no bridge has its name",
    setup: "ip link add cni0 type veth peer name other",
    plugins: { ...router, ipam: hostLocal(v4) },
  },
  {
    title: "the container has a link of that name",
    differs: [leavesForeignLinks],
    setup: "ip -n $c1 link add eth0 type veth peer name other",
    plugins: { ...router, ipam: hostLocal(v4) },
  },
];

compareSuites([...gateways, ...existingBridge]);
