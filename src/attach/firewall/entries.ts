import type { Address, Family } from "../../ip/address.ts";
import type { NetlinkSocket, Request } from "../../netlink/socket.ts";
import { jump } from "../../nftables/data.ts";
import { addElements, deleteElements, type Element, findElement } from "../../nftables/elements.ts";
import type { SetType } from "../../nftables/sets.ts";
import { networkMark, type Owner, ownerMark } from "../owner.ts";
import {
  bridged,
  bridgedSets,
  type Chain,
  hairpinChain,
  type Layout,
  masqueradeChain,
  routed,
  sets,
  Target,
} from "./layout.ts";
import { firstAddresses, type Isolation, type PortMapping, type Publication, protocols } from "./publication.ts";

/** An element of one of our sets. */
export interface Entry {
  readonly layout: Layout;
  readonly set: SetType;
  readonly element: Element;
  /** The chain that it jumps to, where that is not part of the layout. */
  readonly chain?: Chain;
  /** Whether it is the network's, not one attachment's: it goes with the last of the network. */
  readonly shared: boolean;
}

/** All that a publication is in the tables. Each element's comment says whose it is. */
export function entriesOf(owner: Owner, publication: Publication): Entry[] {
  const comment = ownerMark(owner);
  const own = (set: SetType, element: Element, { layout = routed, chain }: Partial<Entry> = {}): Entry => ({
    layout,
    set,
    element: { ...element, comment },
    shared: false,
    ...(chain && { chain }),
  });
  const shared = (set: SetType, element: Element): Entry => ({
    layout: routed,
    set,
    element: { ...element, comment: networkMark(owner.network) },
    shared: true,
  });
  const { link, masquerade, ports, isolation, macSpoofing } = publication;
  const entries: Entry[] = [];

  if (masquerade !== undefined) {
    for (const prefix of publication.addresses) {
      const to = masquerade.to?.find(({ family }) => family === prefix.family);
      const chain = masqueradeChain(prefix, to);
      entries.push(own(sets[prefix.family].masquerade, { key: [prefix.address], data: jump(chain.name) }, { chain }));
    }
  }
  for (const mapping of ports?.mappings ?? []) {
    for (const prefix of firstAddresses(publication)) {
      const { family, address } = prefix;
      if (ports?.routed) entries.push(own(sets[family].open, openElement(mapping, address)));
      else if (appliesTo(mapping, family)) {
        for (const { set, element } of portElements(mapping, family, address)) entries.push(own(set, element));
        if (atOneAddress(mapping)) entries.push(shared(sets[family].published, { key: [mapping.hostIP] }));
        const { masquerade = "local" } = ports ?? {};
        if (masquerade === "none") continue;
        const chain = masquerade === "local" ? hairpinChain(prefix) : undefined;
        const target = chain?.name ?? Target.masquerade;
        const { set, element } = hairpinElement(mapping, family, address, target);
        entries.push(own(set, element, chain && { chain }));
      }
    }
  }
  if (link !== undefined) {
    const add = ({ set, element }: SetElement) => entries.push((link.kind === "bridge" ? shared : own)(set, element));
    if (link.kind === "bridge" || isolation !== undefined) add({ set: sets.bridges, element: { key: [link.name] } });
    if (routesLoopback(publication)) add({ set: sets.localnet, element: { key: [link.name] } });
    if (isolation !== undefined) isolationElements(link.name, isolation).forEach(add);
  }
  if (macSpoofing !== undefined) {
    const { port, mac } = macSpoofing;
    entries.push(own(bridgedSets.guarded, { key: [port] }, { layout: bridged }));
    entries.push(own(bridgedSets.macs, { key: [port, mac] }, { layout: bridged }));
  }
  return [...new Map(entries.map((entry) => [nameOf(entry), entry])).values()];
}

/** Whether published ports are to be reached at 127.0.0.1, for which the kernel must route loopback addresses. */
export function routesLoopback(publication: Publication): boolean {
  const { ports } = publication;
  if (ports === undefined || ports.routed || ports.masquerade === "none") return false;
  return publication.addresses.some(({ family }) => family === 4) && ports.mappings.some((port) => appliesTo(port, 4));
}

/** Whether a port is published for a family: that of its address on the host, where it has one. */
export function appliesTo({ hostIP }: PortMapping, family: Family): boolean {
  return hostIP === undefined || hostIP.family === family;
}

/** Whether a port is published at one address of the host alone. */
export function atOneAddress(mapping: PortMapping): mapping is PortMapping & { hostIP: Address } {
  return mapping.hostIP !== undefined && !mapping.hostIP.isUnspecified;
}

type SetElement = Pick<Entry, "set" | "element">;

/** The elements that lead a mapping to a container: one for a range whose ports are equal on both sides. */
function portElements(mapping: PortMapping, family: Family, container: Address): SetElement[] {
  const { hostPort, containerPort, range = 1 } = mapping;
  const protocol = protocols[mapping.protocol];
  const host = atOneAddress(mapping) ? [mapping.hostIP] : [];
  const { port, portAny, range: rangeSet, rangeAny } = sets[family];
  if (range > 1 && hostPort === containerPort) {
    const element = {
      key: [...host, protocol, hostPort],
      keyEnd: [...host, protocol, hostPort + range - 1],
      data: [container],
    };
    return [{ set: host.length ? rangeSet : rangeAny, element }];
  }
  return Array.from({ length: range }, (_, i) => ({
    set: host.length ? port : portAny,
    element: { key: [...host, protocol, hostPort + i], data: [container, containerPort + i] },
  }));
}

function hairpinElement(mapping: PortMapping, family: Family, container: Address, target: string): SetElement {
  const { hostPort, range = 1 } = mapping;
  const protocol = protocols[mapping.protocol];
  const element = { key: [protocol, hostPort, container], data: jump(target) };
  if (range === 1) return { set: sets[family].hairpin, element };
  return {
    set: sets[family].hairpinRange,
    element: { ...element, keyEnd: [protocol, hostPort + range - 1, container] },
  };
}

function openElement({ protocol, containerPort, range = 1 }: PortMapping, container: Address): Element {
  const number = protocols[protocol];
  return { key: [container, number, containerPort], keyEnd: [container, number, containerPort + range - 1] };
}

/** What each mode puts into the maps `from` and `to`. */
const verdicts: Record<Isolation["mode"], { from?: string; to: string }> = {
  isolated: { to: Target.toIsolated },
  strict: { from: Target.fromStrict, to: Target.toStrict },
  nat: { from: Target.fromNat, to: Target.toNat },
  routed: { to: Target.toRouted },
  internal: { from: Target.internal, to: Target.internal },
};

function isolationElements(bridge: string, { mode, betweenContainers, trusted = [] }: Isolation): SetElement[] {
  const { from, to } = verdicts[mode];
  return [
    { set: sets.isolated, element: { key: [bridge] } },
    ...(betweenContainers ? [{ set: sets.pass, element: { key: [bridge, bridge] } }] : []),
    ...trusted.map((name) => ({ set: sets.pass, element: { key: [name, bridge] } })),
    ...(from === undefined ? [] : [{ set: sets.from, element: { key: [bridge], data: jump(from) } }]),
    { set: sets.to, element: { key: [bridge], data: jump(to) } },
  ];
}

/** What tells one element from every other. */
export function nameOf({ layout, set, element }: Pick<Entry, "layout" | "set" | "element">): string {
  const key = set.interval ? [...element.key, ...(element.keyEnd ?? element.key)] : element.key;
  return `${layout.table.family} ${set.name} ${key.join(" ")}`;
}

/** Elements for one message: an attribute, the list of them, can hold 64 KiB. */
const PER_MESSAGE = 150;

/** The messages that add entries; `exclusive`: EEXIST when one is there. */
export function addEntries(entries: readonly Entry[], exclusive: boolean): Request[] {
  return bySet(entries).map(({ layout, set, elements }) => addElements(layout.table, set, elements, exclusive));
}

export function deleteEntries(entries: readonly Entry[]): Request[] {
  return bySet(entries).map(({ layout, set, elements }) => deleteElements(layout.table, set, elements));
}

function bySet(entries: readonly Entry[]): { layout: Layout; set: SetType; elements: Element[] }[] {
  const groups = Map.groupBy(entries, ({ set }) => set);
  return [...groups.values()].flatMap((group) =>
    Array.from({ length: Math.ceil(group.length / PER_MESSAGE) }, (_, i) => {
      const part = group.slice(i * PER_MESSAGE, (i + 1) * PER_MESSAGE);
      const { layout, set } = part[0] as Entry;
      return { layout, set, elements: part.map(({ element }) => element) };
    }),
  );
}

/** The elements that are in the tables under the keys of `entries`, as they are there: maybe somebody else's by now. */
export function presentOf(socket: NetlinkSocket, entries: readonly Entry[]): Entry[] {
  return entries.flatMap((entry) => {
    const element = findElement(socket, entry.layout.table, entry.set, entry.element);
    const found = element && { ...entry, element };
    return found !== undefined && nameOf(found) === nameOf(entry) ? [found] : [];
  });
}

/** Whether two elements lead to the same. */
export function sameData(a: Element, b: Element): boolean {
  return JSON.stringify(a.data) === JSON.stringify(b.data);
}

/** The chains that entries need, each once. */
export function chainsOf(entries: readonly Entry[]): Chain[] {
  const chains = entries.flatMap(({ chain }) => (chain === undefined ? [] : [chain]));
  return [...new Map(chains.map((chain) => [chain.name, chain])).values()];
}
