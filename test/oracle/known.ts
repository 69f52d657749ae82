import type { Difference } from "./difference.ts";

// Defects are numbered as in test/unit/defects.test.ts.

/** Differences that are meant wherever they occur. */
export const known: readonly Difference[] = [
  // Results
  {
    fact: /^\d+\. ADD \S+ cniVersion$/,
    go: /^1\.0\.0$/,
    berth: /^1\.1\.0$/,
    why: "Debian's v1.1.1 does not speak 1.1.0 and is asked in 1.0.0",
  },
  {
    fact: /^\d+\. ADD \S+ dns$/,
    go: /^\{\}$/,
    berth: null,
    why: "since v1.2.0 an empty dns is left out of 1.x results",
  },
  {
    fact: /^\d+\. DEL \S+$/,
    go: /^fails$/,
    berth: /^succeeds$/,
    why: "DEL releases what it can whatever the rest says (4)",
  },

  {
    fact: /^\d+\. ADD \S+ interfaces\.\d\.mtu$/,
    go: null,
    berth: /^\d+$/,
    why: "says the MTU, for which results have a key that the Go suite never fills",
  },

  // Links
  {
    fact: /^attached (host link peer\(.*\)|c\d link eth\d): ifalias$/,
    go: null,
    berth: /^berth\/oracle\/c\d-id\/eth\d$/,
    why: "carries its owner, to be found without a namespace (2)",
  },
  {
    fact: /^attached host link \w+: ifalias$/,
    go: null,
    berth: /^berth\/bridge$/,
    why: "marks the bridges that are ours to remove",
  },
  {
    fact: /^attached \w+ link \S+( eth\d\))?: txqlen$/,
    go: null,
    berth: /^1000$/,
    why: "the kernel's default; the Go library asks for 0 by mistake, and a veth has no queue",
  },
  {
    fact: /( link .*: address| interfaces\.[01]\.mac)$/,
    go: /<mac of host \w+ and host peer/,
    berth: /<mac of host (\w+|peer\(.*\))>/,
    why: "a bridge keeps the MAC that it was made with instead of a port's (12)",
  },
  {
    fact: /^released host link \w+: address$/,
    go: /^00:/,
    berth: /^<mac of host \w+>$/,
    why: "a bridge that was there keeps its MAC when its last port goes (12)",
  },
  {
    fact: /^released host (link|address|sysctl|route) .*\b(cni0|br0|l2)\b/,
    berth: null,
    why: "a bridge of ours goes with its last port, and its addresses and routes with it (8)",
  },

  // IPv6 without waiting: addresses are set with NODAD where the Go suite turns detection off for good, or waits.
  {
    fact: /^(attached|released) (host|c\d) address .* \S+:\S*$/,
    go: /^scope global$/,
    berth: /^nodad true, scope global$/,
    why: "no waiting for detection (16)",
  },
  {
    fact: /^(attached|released) (host|c\d) sysctl ipv6\/conf\/(\w+|peer\(.*\)): accept_dad$/,
    why: "detection is left out by address, and on our bridges (16)",
  },

  // Settings
  {
    fact: /^attached host sysctl ipv6\/conf\/peer\(.*\): accept_ra$/,
    go: /^0$/,
    berth: /^1$/,
    why: "a bridge port hands all frames to its bridge, whose accept_ra is 0: the port's own is never asked",
  },
  {
    fact: /^attached c\d sysctl ipv6\/conf\/eth\d: keep_addr_on_down$/,
    go: /^0$/,
    berth: /^1$/,
    why: "since v1.7.0: an address survives its link's going down",
  },
  {
    fact: /^attached c\d sysctl ipv4\/conf\/eth\d: arp_notify$/,
    go: /^0$/,
    berth: /^1$/,
    why: "a new MAC for an address is announced by every plugin (21)",
  },
  {
    fact: /^attached c\d sysctl ipv6\/conf\/eth\d: ndisc_notify$/,
    go: /^0$/,
    berth: /^1$/,
    why: "a new MAC for an address is announced in IPv6 as in IPv4 (21)",
  },

  // State
  {
    fact: /state mode of networks\/oracle\/[^/]+$/,
    go: /^644$/,
    berth: /^600$/,
    why: "since v1.4.0 reservations are for their owner alone",
  },
  {
    fact: / state (mode of )?networks\/\.oracle\.index$/,
    go: null,
    why: "host-local's index, so that the time of an ADD does not grow with the node (17)",
  },
  {
    fact: /^(attached|released) state mode of tuning$/,
    go: /^600$/,
    berth: /^700$/,
    why: "nobody but root, who needs no permission, could look for a backup in it",
  },
  {
    fact: /^(attached|released) state mode of tuning$/,
    go: null,
    berth: /^700$/,
    why: "where the Go suite keeps no backup: of settings of the kernel, and of what is switched off",
  },
  {
    fact: /^attached state (mode of )?tuning\/c\d-id_eth\d\.json$/,
    berth: /^(600|"\{\\n \\"network\\": \\"oracle\\".*)$/,
    why: "the backup names its network, for GC, and holds settings of the kernel as well (9)",
  },
];

/** Differences that are meant where no ADD succeeded in either suite. */
export const knownOfFailures: readonly Difference[] = [
  {
    fact: /^(attached|released) (host|c\d) (link|sysctl|address|route) /,
    berth: null,
    why: "a failed ADD leaves nothing behind (11)",
  },
  {
    fact: /^(attached|released) host sysctl ipv[46]\/conf\/\w+: (forwarding|accept_redirects)$/,
    go: /./,
    why: "no forwarding for a failed ADD (11)",
  },
  {
    fact: / state (mode of )?networks\/oracle(\/lock|\/last_reserved_ip\.\d)?$/,
    why: "how far a refused ADD got is each suite's own; no reservation stays",
  },
];
