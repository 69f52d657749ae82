import { type Version, versions } from "../../src/cni/version.ts";
import { compareSuites } from "./compare.ts";
import type { Difference } from "./difference.ts";

/** v1.1.1 prints its result in the form of 1.0.0, whatever version was asked for. */
const resultForm = "the result has the form of its version";
const formOf: Partial<Record<Version, Difference[]>> = {
  "0.1.0": [{ fact: /^1\. ADD c1\/lo (interfaces|ips?[46]?)\./, why: resultForm }],
  "0.2.0": [{ fact: /^1\. ADD c1\/lo (interfaces|ips?[46]?)\./, why: resultForm }],
  "0.3.0": [{ fact: /^1\. ADD c1\/lo ips\.\d\.version$/, go: null, why: resultForm }],
  "0.3.1": [{ fact: /^1\. ADD c1\/lo ips\.\d\.version$/, go: null, why: resultForm }],
  "0.4.0": [{ fact: /^1\. ADD c1\/lo ips\.\d\.version$/, go: null, why: resultForm }],
};

compareSuites([
  ...versions.map((version) => ({
    title: `lo, ${version}`,
    version,
    attachments: { "c1/lo": {} },
    plugins: { type: "loopback" },
    differs: formOf[version] ?? [],
  })),
  { title: "lo by another name", plugins: { type: "loopback" } },
  { title: "lo that is up", setup: "ip -n $c1 link set lo up", plugins: { type: "loopback" } },
  {
    title: "lo with an address that is not its own",
    setup: "ip -n $c1 address add 10.9.0.9/24 dev lo",
    plugins: { type: "loopback" },
    differs: [
      { fact: /^attached c1 link lo: flags$/, why: "a failed ADD leaves lo as it was (11)" },
      { fact: /^2\. CHECK c1$/, go: /^succeeds$/, berth: /^fails$/, why: "and so lo is down" },
    ],
  },
]);
