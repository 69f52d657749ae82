import { goCheckFails } from "./bridge.ts";
import type { Case, PluginConfig } from "./case.ts";
import { behindBridge, inEachVersion, leavesAddresses } from "./chained.ts";
import { compareSuites } from "./compare.ts";
import type { Difference } from "./difference.ts";

/** What a container sends goes through an interface of its own. */
const ifb: Difference[] = [
  {
    fact: /^attached host filter peer\(c1 eth0\)$/,
    go: /Egress Redirect to device ifb\) stolen .*Egress Redirect to device ifb\) pass/,
    berth: /match 00000000\/00000000 at 0 .*Egress Redirect to device ifb\) stolen \tindex 1$/,
    why: "the Go suite adds its one action twice, the second of which is never come to",
  },
  { fact: /^attached host link ifb: ifalias$/, go: null, why: "carries its owner (2)" },
  { fact: /^attached host link ifb: txqlen$/, go: null, berth: /^32$/, why: "the kernel's default for an ifb" },
];

const crashes: Difference = goCheckFails("CHECK of the Go suite crashes before v1.9.1 where there is nothing to limit");

function bandwidth(keys: object): PluginConfig[] {
  return behindBridge({ type: "bandwidth", ...keys });
}

const ingress = { ingressRate: 8_000_000, ingressBurst: 800_000 };
const egress = { egressRate: 16_000_000, egressBurst: 1_600_000 };
const none = { ingressRate: 0, ingressBurst: 0, egressRate: 0, egressBurst: 0 };

const limits: Case[] = [
  { title: "ingress", plugins: bandwidth(ingress) },
  { title: "egress", plugins: bandwidth(egress), differs: ifb },
  { title: "both", plugins: bandwidth({ ...ingress, ...egress }), differs: ifb },
  {
    title: "from the runtime",
    plugins: bandwidth({ runtimeConfig: { bandwidth: { ...ingress, ...egress } } }),
    differs: ifb,
  },
  {
    title: "the configuration's before the runtime's",
    plugins: bandwidth({ ...ingress, runtimeConfig: { bandwidth: egress } }),
  },
  { title: "zeros before the runtime's", plugins: bandwidth({ ...none, runtimeConfig: { bandwidth: ingress } }) },
  {
    title: "the greatest burst",
    plugins: bandwidth({ ...ingress, ingressBurst: 34_359_738_359 }),
    differs: [
      {
        fact: /^attached host qdisc peer\(c1 eth0\) tbf$/,
        go: /options\.burst 171798689, options\.limit 24998,/,
        berth: /options\.burst 171798689, options\.lat \d{6,},/,
        why: "the queue of the Go suite is counted in 32 bits that wrap round, so that next to nothing may wait",
      },
    ],
  },
  { title: "a slow rate", plugins: bandwidth({ ingressRate: 64_000, ingressBurst: 12_000 }) },
  {
    title: "more than 32 bits",
    plugins: bandwidth({ ingressRate: 80_000_000_000, ingressBurst: 8_000_000_000 }),
    differs: [
      {
        fact: /^attached host qdisc peer\(c1 eth0\) tbf$/,
        go: /options\.burst 1000000000, options\.lat 25000, options\.rate 10000000000,/,
        berth: /options\.burst 999990000, options\.lat 25001, options\.rate 10000000000,/,
        why: "the kernel is told the burst in bytes, and makes it a time itself",
      },
    ],
  },
  { title: "nothing", plugins: bandwidth({}), differs: [crashes] },
];

const refused: Case[] = [
  { title: "a rate without burst", plugins: bandwidth({ ingressRate: 8000 }), differs: [leavesAddresses] },
  { title: "a burst without rate", plugins: bandwidth({ egressBurst: 8000 }), differs: [leavesAddresses] },
  {
    title: "too great a burst",
    plugins: bandwidth({ ...ingress, ingressBurst: 34_359_738_368 }),
    differs: [leavesAddresses],
  },
];

compareSuites([
  ...inEachVersion(limits),
  ...refused,
  { title: "alone", steps: ["ADD c1"], plugins: { type: "bandwidth", ...ingress } },
]);
