import { checksLayer2, router, v4, v6 } from "./bridge.ts";
import { type Case, hostLocal } from "./case.ts";
import { compareSuites } from "./compare.ts";

const mac = "92:d0:c6:0a:29:33";
const otherMac = "92:d0:c6:0a:29:34";

const ports: Case[] = [
  { title: "mtu", plugins: { ...router, mtu: 1400, ipam: hostLocal(v4) } },
  { title: "mtu of IPv6", plugins: { ...router, mtu: 1280, ipam: hostLocal(v6) } },
  { title: "hairpinMode", plugins: { ...router, hairpinMode: true, ipam: hostLocal(v4) } },
  {
    title: "hairpinMode and promiscMode",
    plugins: { ...router, hairpinMode: true, promiscMode: true, ipam: hostLocal(v4) },
  },
  { title: "promiscMode", plugins: { ...router, promiscMode: true, ipam: hostLocal(v4) } },
  { title: "enabledad", plugins: { ...router, enabledad: true, ipam: hostLocal(v4, v6) } },
  { title: "vlan", needs: "bridge VLAN filtering", plugins: { ...router, vlan: 100, ipam: hostLocal(v4) } },
  {
    title: "vlan, layer 2",
    differs: [checksLayer2],
    needs: "bridge VLAN filtering",
    plugins: { type: "bridge", vlan: 100 },
  },
  { title: "vlan out of range", plugins: { ...router, vlan: 4095, ipam: hostLocal(v4) } },
];

const macs: Case[] = [
  {
    title: "MAC from CNI_ARGS",
    attachments: { c1: { args: `MAC=${mac}` } },
    plugins: { ...router, ipam: hostLocal(v4) },
  },
  { title: "MAC from args", plugins: { ...router, args: { cni: { mac } }, ipam: hostLocal(v4) } },
  {
    title: "MAC from runtimeConfig",
    attachments: { c1: { runtimeConfig: { mac } } },
    plugins: { ...router, capabilities: { mac: true }, ipam: hostLocal(v4) },
  },
  {
    title: "MAC from args before CNI_ARGS",
    attachments: { c1: { args: `MAC=${otherMac}` } },
    plugins: { ...router, args: { cni: { mac } }, ipam: hostLocal(v4) },
  },
  {
    title: "MAC from runtimeConfig before args",
    attachments: { c1: { runtimeConfig: { mac } } },
    plugins: { ...router, args: { cni: { mac: otherMac } }, ipam: hostLocal(v4) },
  },
  {
    title: "MAC with dashes, upper case",
    differs: [checksLayer2],
    attachments: { c1: { args: "MAC=92-D0-C6-0A-29-33" } },
    plugins: { type: "bridge" },
  },
  {
    title: "MAC that is none",
    attachments: { c1: { args: "MAC=92:d0:c6" } },
    plugins: { ...router, ipam: hostLocal(v4) },
  },
  {
    title: "CNI_ARGS with an unknown key",
    attachments: { c1: { args: "COLOUR=blue" } },
    plugins: { ...router, ipam: hostLocal(v4) },
  },
  {
    title: "CNI_ARGS with unknown keys, IgnoreUnknown",
    attachments: { c1: { args: "IgnoreUnknown=1;K8S_POD_NAME=web;K8S_POD_NAMESPACE=default" } },
    plugins: { ...router, ipam: hostLocal(v4) },
  },
  {
    title: "CNI_ARGS that end in a semicolon",
    attachments: { c1: { args: `MAC=${mac};` } },
    plugins: { ...router, ipam: hostLocal(v4) },
  },
];

compareSuites([...ports, ...macs]);
