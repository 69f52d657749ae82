import type { Case, PluginConfig } from "./case.ts";
import { behindBridge, inEachVersion } from "./chained.ts";
import { compareSuites } from "./compare.ts";
import type { Difference } from "./difference.ts";

const mac = "92:d0:c6:0a:29:33";
const otherMac = "92:d0:c6:0a:29:34";

function tuning(keys: object): PluginConfig[] {
  return behindBridge({ type: "tuning", dataDir: "$STATE/tuning", ...keys });
}

/** Settings of the kernel stay as they were set in the Go suite. */
function restores(setting: string): Difference {
  return { fact: new RegExp(`^released c1 sysctl ${setting}$`), why: "DEL puts settings of the kernel back (9)" };
}

/** Found in the folder that both were told. */
const keepsBackup: Difference = {
  fact: /^(attached|released) state (mode of )?tuning/,
  berth: null,
  why: "a failed ADD leaves nothing behind (11)",
};

const settings: Case[] = [
  { title: "nothing", plugins: tuning({}) },
  { title: "mtu", plugins: tuning({ mtu: 1400 }) },
  { title: "mtu of 0", plugins: tuning({ mtu: 0 }) },
  { title: "mac", plugins: tuning({ mac }) },
  { title: "promisc", plugins: tuning({ promisc: true }) },
  { title: "promisc off", plugins: tuning({ promisc: false }) },
  { title: "allmulti", plugins: tuning({ allmulti: true }) },
  { title: "allmulti off", plugins: tuning({ allmulti: false }) },
  {
    title: "all of the link",
    plugins: tuning({ mac, mtu: 1400, promisc: true, allmulti: true }),
  },
  {
    title: "sysctl",
    plugins: tuning({ sysctl: { "net.core.somaxconn": "500" } }),
    differs: [restores("core: somaxconn")],
  },
  {
    title: "sysctl of the interface, by its name and with slashes",
    plugins: tuning({ sysctl: { "net/ipv4/conf/eth0/arp_ignore": "2" } }),
  },
  {
    title: "sysctl of the interface",
    plugins: tuning({ sysctl: { "net.ipv4.conf.IFNAME.arp_filter": "1" } }),
    differs: [
      { fact: /^2\. CHECK c1$/, go: /^fails$/, berth: /^succeeds$/, why: "since v1.3.0 CHECK knows IFNAME as well" },
    ],
  },
  { title: "args", plugins: tuning({ mtu: 1450, args: { cni: { mtu: 1400, promisc: true, allmulti: true } } }) },
  { title: "MAC from CNI_ARGS", attachments: { c1: { args: `MAC=${mac}` } }, plugins: tuning({}) },
  {
    title: "MAC from runtimeConfig before CNI_ARGS",
    attachments: { c1: { args: `MAC=${otherMac}` } },
    plugins: tuning({ capabilities: { mac: true }, runtimeConfig: { mac } }),
  },
  {
    title: "MAC from args before runtimeConfig",
    plugins: tuning({ runtimeConfig: { mac: otherMac }, args: { cni: { mac } } }),
  },
];

const refused: Case[] = [
  { title: "a setting that is not of the network", plugins: tuning({ sysctl: { "kernel.hostname": "x" } }) },
  { title: "a setting that there is not", plugins: tuning({ sysctl: { "net.core.nothing": "1" } }) },
  { title: "a MAC that is none", plugins: tuning({ mac: "02:42" }), differs: [keepsBackup] },
  { title: "an MTU that the link refuses", plugins: tuning({ mtu: 70_000 }), differs: [keepsBackup] },
];

compareSuites([
  ...inEachVersion(settings),
  ...refused,
  { title: "alone", steps: ["ADD c1"], plugins: { type: "tuning", dataDir: "$STATE/tuning", mtu: 1400 } },
]);
