import { globSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

/** A known weakness of the Go suite of CNI plugins (v1.1.1 to v1.9.1, as seen in its code and issues), and who shows ours. */
interface Defect {
  /** What goes wrong there. */
  readonly what: string;
  /** Tests that show that it does not here: by file beneath test, what their titles begin with or hold. */
  readonly tests: Readonly<Record<string, readonly string[]>>;
}

const defects: Readonly<Record<number, Defect>> = {
  1: {
    what: "Addresses stay reserved after a reboot or a DEL that never came",
    tests: {
      "netns/host-local.bats": [
        "defect 1 of the Go suite: GC releases what no attachment has",
        "defect 1 of the Go suite: reservations from before this boot",
      ],
      "unit/ipam/hostlocal.test.ts": [
        "defect 1 of the Go suite: GC with",
        "defect 1 of the Go suite: what was reserved",
      ],
    },
  },
  2: {
    what: "Masquerade and MAC rules stay when DEL has no namespace",
    tests: { "netns/masquerade.bats": ["defect 2: DEL without a namespace", "defect 2: nor does one of ptp"] },
  },
  3: {
    what: "No plugin has GC, and STATUS asks only the IPAM plugin",
    tests: { "netns/chain.bats": ["defect 3: GC takes what a container that is gone had of every plugin"] },
  },
  4: {
    what: "A DEL that finds something gone fails for ever, and leaves addresses reserved",
    tests: {
      "netns/host-device.bats": [
        "defect 4: DEL releases the address",
        "defect 4: DEL works when the namespace",
        "defect 4: DEL takes back an interface",
      ],
      "kernel/host-device.bats": ["defect 4: DEL after its namespace is gone", "defect 4: DEL while the host has"],
      "kernel/vlan.bats": ["defect 4: DEL succeeds and releases the address when the master is gone"],
      "kernel/ipvlan.bats": ["defect 4: DEL needs neither a master nor a default route"],
      "kernel/vrf.bats": ["defect 4: DEL succeeds when", "defect 4: DEL without CNI_NETNS"],
      "netns/dhcp.bats": ["defect 4: DEL succeeds when the daemon does not run"],
      "netns/sbr.bats": ["defect 4: DEL works without a namespace", "defect 4: DEL works when the interface is gone"],
      "netns/ptp.bats": ["defect 4: DEL works twice"],
      "netns/tap.bats": ["defect 4: DEL without a namespace"],
    },
  },
  5: {
    what: "Two interfaces of a container share their masquerade rules: DEL of one takes those of the other",
    tests: { "netns/masquerade.bats": ["defect 5: two interfaces of one container"] },
  },
  6: {
    what: "Published ports stay when the network has another name, or DEL is not told of them",
    tests: { "netns/portmap.bats": ["defect 6: ports are withdrawn"] },
  },
  7: {
    what: "The firewall's rules stay without a prevResult, go by address, and those of its policy are never removed",
    tests: { "netns/firewall.bats": ["defect 7: DEL needs no prevResult", "defect 7: the policy goes with the last"] },
  },
  8: {
    what: "Bridges are never removed",
    tests: { "netns/bridge.bats": ["defect 8: the bridge goes with its last port"] },
  },
  9: {
    what: "Backups stay when the namespace is gone, and kernel settings are not put back",
    tests: { "netns/tuning.bats": ["defect 9: no backup stays behind", "defect 9: GC removes the backups"] },
  },
  10: {
    what: "A reservation that a crash left empty blocks its address",
    tests: {
      "netns/host-local.bats": ["defect 10 of the Go suite: an empty reservation"],
      "unit/ipam/store.test.ts": ["defect 10 of the Go suite: a reservation of"],
    },
  },
  11: {
    what: "What a failed ADD made stays: links in the container, addresses, rules",
    tests: {
      "netns/bridge.bats": ["defect 11: a failed ADD leaves nothing", "defect 11: a gateway conflict"],
      "netns/macvlan.bats": ["defect 11: an ADD that fails late"],
      "netns/ptp.bats": ["defect 11: an ADD that fails at any step leaves nothing"],
      "netns/tap.bats": ["defect 11: a failed ADD leaves no device"],
      "netns/host-device.bats": ["defect 11: a failed ADD puts the interface back as it was"],
      "netns/sbr.bats": ["defect 11: a failed ADD leaves rules and routes"],
      "netns/bandwidth.bats": ["defect 33: others may filter what comes in, and a failed ADD leaves what it found"],
      "netns/chain.bats": ["chain: a failed ADD leaves nothing, whichever plugin it is"],
      "kernel/ipvlan.bats": ["defect 11: a failed ADD"],
      "kernel/vlan.bats": ["defect 11: a failed ADD"],
      "kernel/vrf.bats": ["defect 11: a failed ADD", "defect 11: the last step fails"],
      "kernel/bridge-vlan.bats": ["defect 11: a failed ADD"],
      "kernel/host-device.bats": ["defect 11: a failed ADD"],
    },
  },
  12: {
    what: "After a first ADD that failed, the bridge serves nobody",
    tests: { "netns/bridge.bats": ["defect 12: after a first ADD that failed"] },
  },
  13: {
    what: "A default route of IPAM without gateway is a conflict, a route told twice fatal, several gateways no multipath",
    tests: {
      "netns/bridge.bats": [
        "defect 13: isDefaultGateway beside a default route",
        "defect 13: a route told twice is one",
      ],
    },
  },
  14: {
    what: "Each call runs iptables or nft several times, and waits for the xtables lock",
    tests: { "netns/portmap.bats": ["defect 14: no other program is run"] },
  },
  15: {
    what: "Rules grow with every published port and every container",
    tests: {
      "netns/portmap.bats": ["defect 15: the number of rules does not grow", "defect 15: a late DEL does not take"],
    },
  },
  16: {
    what: "An ADD with IPv6 waits a second or two for duplicate address detection",
    tests: {
      "netns/ptp.bats": ["defect 16: no waiting"],
      "netns/macvlan.bats": ["defect 16: no waiting"],
      "netns/bridge.bats": [
        "enabledad: the IPv6 address is looked for first; without it there is no waiting (defect 16)",
      ],
    },
  },
  17: {
    what: "host-local reads every reservation, several times a call",
    tests: {
      "netns/host-local-stress.bats": ["defect 17 of the Go suite: the number of reservations changes nothing"],
    },
  },
  18: {
    what: "macspoofchk reads the whole ruleset, and leaves rules behind",
    tests: { "netns/masquerade.bats": ["defect 18: macspoofchk is two elements"] },
  },
  19: {
    what: "bridge sleeps in steps until its port is up",
    tests: { "netns/bridge.bats": ["defect 19: ADD returns when the port is up", "defect 19: no waiting either"] },
  },
  20: {
    what: "Lists that the kernel could not give whole are taken for whole",
    tests: { "netns/bridge.bats": ["defect 20: links that come and go meanwhile do no harm"] },
  },
  21: {
    what: "Neighbours keep the last holder's MAC of an address for ten seconds",
    tests: {
      "netns/bridge.bats": ["defect 21: a reused address", "defect 21: the same for IPv6", "defect 21: others hear"],
      "netns/macvlan.bats": ["defect 21: the segment learns"],
      "netns/ptp.bats": ["defect 21: an address that moves"],
      "netns/host-device.bats": ["defect 21: a new interface for an address is announced"],
      "kernel/host-device.bats": ["defect 21: a card announces its addresses"],
      "kernel/ipvlan.bats": ["defect 21: the segment learns"],
      "kernel/vlan.bats": ["defect 21: the segment learns"],
    },
  },
  22: {
    what: "UDP flows keep going to a container that is gone",
    tests: { "netns/portmap.bats": ["defect 22: a UDP client that keeps sending"] },
  },
  23: {
    what: "Nothing restores the rules after a reload of the host's firewall",
    tests: {
      "netns/portmap.bats": ["defect 23: ports are back after somebody flushed all rules"],
      "netns/firewall.bats": ["defect 23: a flush of the host's firewall is repaired"],
    },
  },
  24: {
    what: "Publishing a port opens the host's loopback services to its neighbours",
    tests: { "netns/portmap.bats": ["defect 24: loopback services of the host"] },
  },
  25: {
    what: "A repeated ADD publishes twice, and traffic for others is taken",
    tests: { "netns/portmap.bats": ["defect 25: ADD twice is as once"] },
  },
  26: {
    what: "CHECK fails for what is right, and passes for what is wrong",
    tests: {
      "netns/bridge.bats": [
        "L2: a link up to the bridge, no addresses; CHECK is true (defect 26",
        "promiscMode: the bridge is promiscuous; a sniffer on another bridge is no fault (defect 26)",
        "hairpinMode: the port sends back what came from it; CHECK notices",
      ],
      "netns/static.bats": ["defect 26: CHECK misses an address"],
      "netns/ptp.bats": ["defect 26: CHECK passes where a route is in another table"],
      "netns/host-device.bats": ["defect 26: CHECK passes where a route is in another table"],
      "netns/sbr.bats": ["defect 26: CHECK of the whole list passes"],
      "kernel/vrf.bats": ["CHECK finds what is not as ADD left it, and passes for routes in the VRF (defect 26)"],
      "kernel/bridge-vlan.bats": ["defect 26: CHECK sees that a port lost its VLAN"],
    },
  },
  27: {
    what: "A route's MTU, advmss and more are passed over",
    tests: {
      "netns/bridge.bats": ["defect 27: mtu, advmss, priority, table and scope"],
      "netns/ptp.bats": ["defect 27: routes keep their MTU"],
      "netns/host-device.bats": ["defect 27: routes keep their MTU"],
    },
  },
  28: {
    what: "sbr has no gateway where IPAM names none; vrf loses IPv6 routes with several gateways",
    tests: {
      "netns/sbr.bats": [
        "defect 28: gateways that the IPAM",
        "defect 28: a gateway of the",
        "defect 28: addSourceHints",
      ],
      "kernel/vrf.bats": ["defect 28: IPv6 default routes over several gateways are kept"],
    },
  },
  29: {
    what: "dhcp: leases are lost with the daemon, names not sent, no DHCPv6, CHECK may hang, -broadcast does nothing",
    tests: {
      "netns/dhcp.bats": [
        "defect 29: DHCPv6",
        "defect 29: a daemon that was killed",
        "defect 29: CHECK and DEL have an end",
        "defect 29: a pod has its name",
        "defect 29: an identifier of a long container ID",
        "defect 29: -broadcast",
        "defect 29: DNS and MTU of a server are used",
        "defect 29: leases are prolonged and released from the address itself",
      ],
    },
  },
  30: {
    what: "A bridge that filters no VLANs is used for VLANs, and keeps its MTU",
    tests: {
      "kernel/bridge-vlan.bats": ["defect 30: an existing bridge that does not filter"],
      "netns/bridge.bats": ["defect 30: the MTU of a bridge"],
    },
  },
  31: {
    what: "macvlan's MACs are chance, and may clash between nodes",
    tests: { "netns/macvlan.bats": ["defect 31: containers of different nodes"] },
  },
  32: {
    what: "Two containers cannot share a VLAN, ipvlan has no flags, and what fails does not say why",
    tests: {
      "kernel/vlan.bats": ["defect 32: a VLAN that another container holds", "defect 32: the error names who has"],
      "kernel/ipvlan.bats": ["defect 32: flags bridge, private and vepa"],
    },
  },
  33: {
    what: "Limits of two interfaces of a container clash, and so do other filters",
    tests: { "netns/bandwidth.bats": ["defect 33: two interfaces of one network", "defect 33: others may filter"] },
  },
  34: {
    what: "The name servers that IPAM gives are dropped",
    tests: {
      "netns/macvlan.bats": ["defect 34: DNS of the IPAM plugin"],
      "netns/ptp.bats": ["defect 34: DNS of the IPAM plugin"],
      "netns/tap.bats": ["defect 34: DNS of the IPAM plugin"],
      "netns/host-device.bats": ["defect 34: DNS of the IPAM plugin"],
      "kernel/vlan.bats": ["defect 34: the DNS of the IPAM plugin"],
      "kernel/ipvlan.bats": ["defect 34: the DNS of the IPAM plugin"],
      "kernel/dummy.bats": ["defect 34: conf: 74-dummy.conflist; the DNS of the IPAM plugin"],
    },
  },
  35: {
    what: "Subnets of two addresses are refused",
    tests: {
      "unit/ipam/rangeset.test.ts": ["defect 35 of the Go suite:"],
      "unit/ipam/hostlocal.test.ts": ["defect 35 of the Go suite: /31 and /127"],
    },
  },
  36: {
    what: "The firewall needs iptables of both families, also where one is in use",
    tests: {
      "netns/portmap.bats": ["defect 36: IPv4 alone needs nothing of IPv6"],
      "netns/firewall.bats": ["defect 36: a container with IPv4 alone needs no ip6tables"],
    },
  },
  37: {
    what: "tap needs the program ip, and loses MAC and MTU",
    tests: { "netns/tap.bats": ["defect 37: mac, mtu, owner, group and multiQueue are all applied"] },
  },
  38: {
    what: "tuning crashes on settings by args alone, and its allowlist matches parts of names",
    tests: { "netns/tuning.bats": ["defect 38: settings by args alone"] },
  },
  39: {
    what: "ptp cannot be a link without addresses",
    tests: { "netns/ptp.bats": ["defect 39: without ipam it is a link without addresses"] },
  },
};

const titlesIn = (file: string): string[] => {
  const text = readFileSync(new URL(`../${file}`, import.meta.url), "utf8");
  const pattern = file.endsWith(".bats") ? /^@test "(.*)" \{$/gm : /(?:\btest|\))\(\s*["`](.*?)["`],/g;
  return [...text.matchAll(pattern)].map(([, title = ""]) => title);
};

const rows = Object.entries(defects).map(([number, defect]) => ({ number: Number(number), ...defect }));

test("all 39 are in the list", () => {
  expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 39 }, (_, i) => i + 1));
});

test.each(rows)("defect $number: $what", ({ number, tests }) => {
  const found = Object.entries(tests).flatMap(([file, wanted]) => {
    const titles = titlesIn(file);
    return wanted.map((text) => ({ file, text, title: titles.find((title) => title.includes(text)) }));
  });
  expect(found.filter(({ title }) => title === undefined)).toEqual([]);
  // One at least says which it is; others prove more than one defect.
  expect(found.some(({ title }) => new RegExp(`defect ${number}\\b`).test(title ?? ""))).toBe(true);
});

/** Every test that names a defect is in the list: a new one is a new row. */
test("no test that names a defect is missing from the list", () => {
  const files = globSync(["**/*.bats", "**/*.test.ts"], { cwd: new URL("..", import.meta.url).pathname });
  const missing = files.flatMap((file) =>
    titlesIn(file).flatMap((title) => {
      const [, number] = /defect (\d+)/.exec(title) ?? [];
      if (number === undefined) return [];
      const listed = defects[Number(number)]?.tests[file]?.some((text) => title.includes(text));
      return listed ? [] : [`${file}: ${title}`];
    }),
  );
  expect(missing).toEqual([]);
});
