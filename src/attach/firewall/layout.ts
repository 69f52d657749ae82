import { Address, type Family } from "../../ip/address.ts";
import { Prefix } from "../../ip/prefix.ts";
import type { Request } from "../../netlink/socket.ts";
import { addChain, type BaseChain } from "../../nftables/chains.ts";
import { accept, drop, jump, leave } from "../../nftables/data.ts";
import {
  destination,
  destinationPort,
  etherSource,
  iifname,
  l4proto,
  oifname,
  originalDestinationPort,
  source,
} from "../../nftables/fields.ts";
import type { TableName } from "../../nftables/message.ts";
import { addRule } from "../../nftables/rules.ts";
import { addSet, type SetType } from "../../nftables/sets.ts";
import {
  ConnectionState,
  connectionIs,
  is,
  isDestinationTranslated,
  isFamily,
  isForHost,
  isIn,
  masquerade,
  notWithin,
  type Statement,
  translateDestination,
  translateSourceTo,
  verdict,
  verdictOf,
  within,
} from "../../nftables/statements.ts";
import { addTable } from "../../nftables/tables.ts";

/** A table of ours: rules that never change, and sets whose elements are the attachments. */
export interface Layout {
  readonly table: TableName;
  /** Written into the table's comment: a table with another one is made anew. Raise it with every change below. */
  readonly version: string;
  readonly sets: readonly SetType[];
  /** Made when they are needed: for a new table, and to be looked at by CHECK. */
  readonly chains: () => readonly Chain[];
}

export interface Chain {
  readonly name: string;
  readonly base?: BaseChain;
  readonly rules: readonly (readonly Statement[])[];
}

const families = [4, 6] as const;
const addressType = { 4: "ipv4_addr", 6: "ipv6_addr" } as const;

/** The sets of one family. `Any` stands for all addresses of the host, `range` for many ports at once. */
function familySets<const F extends Family>(family: F) {
  const address = addressType[family];
  const port = ["inet_proto", "inet_service"] as const;
  const name = <const N extends string>(name: N) => `${name}${family}` as const;
  return {
    /** Containers to masquerade, and the chain that says how. */
    masquerade: { name: name("masquerade"), key: [address], data: "verdict" },
    /** The host's addresses that something is published at. */
    published: { name: name("published"), key: [address] },
    port: { name: name("port"), key: [address, ...port], data: [address, "inet_service"] },
    portAny: { name: name("port-any"), key: port, data: [address, "inet_service"] },
    range: { name: name("range"), key: [address, ...port], data: [address], interval: true },
    rangeAny: { name: name("range-any"), key: port, data: [address], interval: true },
    /** Published port and container, and the chain that says who is masqueraded on the way there. */
    hairpin: { name: name("hairpin"), key: [...port, address], data: "verdict" },
    hairpinRange: { name: name("hairpin-range"), key: [...port, address], data: "verdict", interval: true },
    /** Containers' ports that are open to direct access. */
    open: { name: name("open"), key: [address, ...port], interval: true },
  } as const satisfies Record<string, SetType>;
}

export const sets = {
  4: familySets(4),
  6: familySets(6),
  /** Interfaces that let 127.0.0.0/8 be routed. */
  localnet: { name: "localnet", key: ["ifname"] },
  bridges: { name: "bridges", key: ["ifname"] },
  isolated: { name: "isolated", key: ["ifname"] },
  /** From and to: what passes before isolation is looked at. */
  pass: { name: "pass", key: ["ifname", "ifname"] },
  from: { name: "from", key: ["ifname"], data: "verdict" },
  to: { name: "to", key: ["ifname"], data: "verdict" },
} as const;

const publishedKey = [l4proto, destinationPort] as const;
const hairpinKey = (family: Family) => [l4proto, originalDestinationPort, destination[family]];
const loopback = Prefix.parse("127.0.0.0/8");
const multicast = { 4: Prefix.parse("224.0.0.0/4"), 6: Prefix.parse("ff00::/8") } as const;
const protocolICMP = 1;
const protocolICMPv6 = 58;

function perFamily(rules: (family: Family) => (readonly Statement[])[]): (readonly Statement[])[] {
  return families.flatMap((family) => rules(family).map((rule) => [isFamily(family), ...rule]));
}

/** The chains that elements jump to, but for those of a subnet. */
export const Target = {
  masquerade: "masquerade-all",
  fromNat: "from-nat",
  fromStrict: "from-strict",
  internal: "internal",
  toIsolated: "to-isolated",
  toStrict: "to-strict",
  toNat: "to-nat",
  toRouted: "to-routed",
} as const;

/** Addresses, ports and isolation. Every drop is bound to an interface of ours. */
export const routed: Layout = {
  table: { family: "inet", name: "berth" },
  version: "layout 1",
  sets: [
    ...families.flatMap((family) => Object.values(sets[family])),
    ...[sets.localnet, sets.bridges, sets.isolated, sets.pass, sets.from, sets.to],
  ],
  chains: () => [
    {
      // Once 127.0.0.0/8 may be routed on an interface, only this keeps its neighbours from the host's own loopback
      // services (CVE-2020-8558).
      name: "martians",
      base: { type: "filter", hook: "prerouting", priority: -300 },
      rules: [[within([iifname], sets.localnet), isFamily(4), isIn(destination[4], loopback), verdict(drop)]],
    },
    {
      name: "prerouting",
      base: { type: "nat", hook: "prerouting", priority: -100 },
      rules: [[isForHost, verdict(jump("publish"))]],
    },
    {
      name: "output",
      base: { type: "nat", hook: "output", priority: -100 },
      rules: [[isForHost, verdict(jump("publish"))]],
    },
    {
      name: "publish",
      rules: [
        // The kernel lets nothing from ::1 leave the host, so a translated connection could only time out.
        [isFamily(6), is(destination[6], Address.parse("::1")), verdict(leave)],
        ...families.flatMap((family) => [
          [translateTo(family, true, sets[family].port)],
          [translateTo(family, true, sets[family].range)],
          [translateTo(family, false, sets[family].portAny)],
          [translateTo(family, false, sets[family].rangeAny)],
        ]),
      ],
    },
    {
      name: "postrouting",
      base: { type: "nat", hook: "postrouting", priority: 100 },
      rules: perFamily((family) => [
        [isDestinationTranslated, verdictOf(hairpinKey(family), sets[family].hairpin)],
        [isDestinationTranslated, verdictOf(hairpinKey(family), sets[family].hairpinRange)],
        [isIn(destination[family], multicast[family]), verdict(leave)],
        [verdictOf([source[family]], sets[family].masquerade)],
      ]),
    },
    { name: Target.masquerade, rules: [[masquerade]] },
    {
      name: "forward",
      base: { type: "filter", hook: "forward", priority: 0 },
      rules: [
        [connectionIs(ConnectionState.established | ConnectionState.related), verdict(accept)],
        [within([iifname, oifname], sets.pass), verdict(accept)],
        [verdictOf([iifname], sets.from)],
        [verdictOf([oifname], sets.to)],
      ],
    },
    // A packet that belongs to no connection is not translated: it would leave with the container's own address.
    { name: Target.fromNat, rules: [[connectionIs(ConnectionState.invalid), verdict(drop)]] },
    {
      name: Target.fromStrict,
      rules: [
        [isDestinationTranslated, verdict(leave)],
        [within([oifname], sets.bridges), verdict(drop)],
      ],
    },
    { name: Target.internal, rules: [[verdict(drop)]] },
    {
      name: Target.toIsolated,
      rules: [
        [isDestinationTranslated, verdict(leave)],
        [within([iifname], sets.isolated), verdict(drop)],
      ],
    },
    {
      name: Target.toStrict,
      rules: [
        [isDestinationTranslated, verdict(leave)],
        [within([iifname], sets.bridges), verdict(drop)],
      ],
    },
    { name: Target.toNat, rules: [[isDestinationTranslated, verdict(leave)], [verdict(drop)]] },
    {
      name: Target.toRouted,
      rules: [
        [is(l4proto, protocolICMP), verdict(leave)],
        [is(l4proto, protocolICMPv6), verdict(leave)],
        ...perFamily((family) => [[within([destination[family], ...publishedKey], sets[family].open), verdict(leave)]]),
        [isDestinationTranslated, verdict(leave)],
        [verdict(drop)],
      ],
    },
  ],
};

/**
 * What to do with packets of containers in a subnet: all but those within it get the source address `to`, or that of the
 * interface which they leave by. There is one such chain per subnet, made when the first element jumps to it; its name
 * says all that is in it.
 */
export function masqueradeChain(subnet: Prefix, to?: Address): Chain {
  const { family, network } = subnet;
  return {
    name: `masquerade-${identifier(network)}${to === undefined ? "" : `-to-${identifier(to)}`}`,
    rules: [
      [isFamily(family), isIn(destination[family], network), verdict(leave)],
      [isFamily(family), ...(to === undefined ? [masquerade] : [translateSourceTo(to)])],
    ],
  };
}

/**
 * What to do with packets to a published port of a container in a subnet: its neighbours' and its own would be answered
 * on a shorter way than they came, those from a loopback address not at all. By address, since interfaces do not tell a
 * hairpin where bridged packets pass through here (br_netfilter).
 */
export function hairpinChain({ family, network }: Prefix): Chain {
  return {
    name: `hairpin-${identifier(network)}`,
    rules: [
      [isFamily(family), isIn(source[family], network), masquerade],
      ...(family === 4 ? [[isFamily(4), isIn(source[4], loopback), masquerade]] : []),
    ],
  };
}

/** An address as a name that nft can read: it knows letters, digits, and `/`, `-`, `_`, `.`. */
function identifier(address: Prefix | Address): string {
  return address.toString().replaceAll(":", "_");
}

/** The changes that make chains with their rules where there are none of these names. */
export function createChains({ table }: Layout, chains: readonly Chain[]): Request[] {
  return [
    ...chains.map(({ name, base }) => addChain(table, name, base)),
    ...chains.flatMap(({ name, rules }) => rules.map((rule) => addRule(table, name, { expressions: rule.flat() }))),
  ];
}

function translateTo(family: Family, byAddress: boolean, map: SetType): Statement {
  const key = byAddress ? [destination[family], ...publishedKey] : publishedKey;
  return [...(byAddress ? isFamily(family) : []), ...translateDestination(family, key, map)];
}

export const bridgedSets = {
  /** Ports whose containers may only send from their own MAC. */
  guarded: { name: "guarded", key: ["ifname"] },
  macs: { name: "macs", key: ["ifname", "ether_addr"] },
} as const;

/** Frames on bridges. */
export const bridged: Layout = {
  table: { family: "bridge", name: "berth" },
  version: "layout 1",
  sets: Object.values(bridgedSets),
  chains: () => [
    {
      name: "prerouting",
      base: { type: "filter", hook: "prerouting", priority: -300 },
      rules: [
        [within([iifname], bridgedSets.guarded), notWithin([iifname, etherSource], bridgedSets.macs), verdict(drop)],
      ],
    },
  ],
};

/** The changes that make a table of ours where there is none. */
export function create(layout: Layout): Request[] {
  const { table, version, sets, chains } = layout;
  return [
    addTable(table, `Berth: container networks, ${version}`),
    ...sets.map((set, i) => addSet(table, set, i + 1)),
    ...createChains(layout, chains()),
  ];
}

/** Whether a table's comment is that of this layout. */
export function isCurrent({ version }: Layout, comment: string): boolean {
  return comment.endsWith(`, ${version}`);
}
