import { lockFile } from "../../linux/lock.ts";
import { ensureSysctl } from "../../linux/sysctl.ts";
import { NetlinkError, unless } from "../../netlink/error.ts";
import type { NetlinkSocket } from "../../netlink/socket.ts";
import { deleteChain, hasChain } from "../../nftables/chains.ts";
import { listElements } from "../../nftables/elements.ts";
import { flushChain } from "../../nftables/rules.ts";
import { deleteTable } from "../../nftables/tables.ts";
import { commitConsistently } from "../../nftables/transaction.ts";
import { commonMark, networkMark, type Owner, ownerMark } from "../owner.ts";
import { lockPath } from "../state.ts";
import { findInTheWay, findOccupied, refuseUnlessReplaceable } from "./conflicts.ts";
import {
  addEntries,
  chainsOf,
  deleteEntries,
  type Entry,
  entriesOf,
  nameOf,
  presentOf,
  routesLoopback,
} from "./entries.ts";
import { forgetFlows } from "./flows.ts";
import { createChains, routed } from "./layout.ts";
import { isEmpty, type Publication } from "./publication.ts";
import { findRecord, isAlone, listNetworks, listRecords, type Record, removeRecord, writeRecord } from "./records.ts";
import { commitTables, layouts, openTables, rebuild, refuseForeign, tableState } from "./tables.ts";

/**
 * Masquerading, published ports, isolation and MAC checks of one attachment: one transaction of nf_tables, and one more
 * element per address or port, whatever the number of attachments. No other program is run.
 *
 *   undo.use(publish(ownerOf(attachment), "bridge", {
 *     addresses: lease.ips.map(({ address }) => address),
 *     link: { name: "cni0", kind: "bridge" },
 *     masquerade: {},
 *     ports: { mappings: [{ protocol: "tcp", hostPort: 8080, containerPort: 80 }] },
 *   }));
 *
 * All functions here work on the namespace that the thread is in: the host's. A plugin calls {@link withdraw} on every
 * DEL, whatever its configuration says by then, `inspect` on CHECK and `collect` on GC (inspect.ts, collect.ts).
 *
 * A publication without any wish (neither masquerade nor ports, isolation or macSpoofing) makes nothing.
 *
 * @param plugin whose wish it is: plugins of one chain do not touch each other's.
 * @returns what takes it back.
 * @throws CniError when a port is taken by another container, or a bridge isolated in another way by another network;
 *   nothing is changed then.
 */
export function publish(owner: Owner, plugin: string, publication: Publication): Disposable {
  if (isEmpty(publication)) return new DisposableStack();
  const { link } = publication;
  using undo = new DisposableStack();
  {
    using socket = openTables();
    using _ = lockTables();
    add(socket, owner, plugin, publication);
    undo.defer(() => withdraw(owner, plugin)[Symbol.dispose]());
    forgetFlows(socket, publication, "elsewhere");
  }
  // Not before the rules are there that keep strangers from the host's loopback addresses.
  if (link !== undefined && routesLoopback(publication)) {
    ensureSysctl(`net/ipv4/conf/${link.name}/route_localnet`, 1);
  }
  return undo.move();
}

function add(socket: NetlinkSocket, owner: Owner, plugin: string, publication: Publication): void {
  const wanted = entriesOf(owner, publication);
  const before = findRecord(owner);
  using undo = new DisposableStack();
  undo.defer(() => removeUnusedTables(socket));

  const needed = layouts.filter((layout) => wanted.some((entry) => entry.layout === layout));
  const states = needed.map((layout) => tableState(socket, layout));
  for (const [i, layout] of needed.entries()) refuseForeign(layout, states[i]);
  if (states.some((state) => state !== "current")) {
    // The first attachment, another version's tables, or somebody flushed them: what others published comes back too.
    commitTables(socket, rebuild(socket, allRecords(), needed));
  }

  const previous = before?.parts[plugin];
  const own =
    previous === undefined ? [] : presentOf(socket, entriesOf(owner, previous)).filter(({ shared }) => !shared);
  const occupied = findOccupied(socket, publication);
  refuseUnlessReplaceable(owner, publication, occupied);

  writeRecord({ owner, parts: { ...before?.parts, [plugin]: publication } });
  undo.defer(() => (before === undefined ? removeRecord(owner) : writeRecord(before)));
  replace(socket, [...own, ...occupied], wanted, () => {
    const inTheWay = findInTheWay(socket, wanted);
    refuseUnlessReplaceable(owner, publication, inTheWay);
    return inTheWay;
  });
  undo.move();
}

/**
 * Takes elements out and puts others in, at once.
 *
 * @param inTheWay called when elements with the keys of `wanted` are there: which of them to replace.
 */
function replace(
  socket: NetlinkSocket,
  out: readonly Entry[],
  wanted: readonly Entry[],
  inTheWay: () => readonly Entry[],
): void {
  const [shared, own] = [wanted.filter((entry) => entry.shared), wanted.filter((entry) => !entry.shared)];
  const added = [...addEntries(shared, false), ...addEntries(own, true)];
  try {
    commitTables(socket, [...deleteEntries(unique(out)), ...added]);
    return;
  } catch (error) {
    // A key is taken (EEXIST), or a chain to jump to is not there yet (ENOENT): seldom enough not to be looked at first.
    if (!(error instanceof NetlinkError) || !["EEXIST", "ENOENT"].includes(error.code)) throw error;
  }
  const missing = chainsOf(wanted).filter(({ name }) => !hasChain(socket, routed.table, name));
  const replaced = deleteEntries(unique([...out, ...inTheWay()]));
  commitTables(socket, [...replaced, ...createChains(routed, missing), ...added]);
}

function unique(entries: readonly Entry[]): Entry[] {
  return [...new Map(entries.map((entry) => [nameOf(entry), entry])).values()];
}

/**
 * Takes back what a plugin published for an attachment, or, where no plugin is named, what all of them did. What is not
 * there any more, or belongs to the next container by now, is left alone.
 *
 * @returns what is to be disposed of at the end of DEL: the kernel lets go of a socket that removed rules only after
 *   about 10 ms, and they pass meanwhile if DEL has other things to do.
 */
export function withdraw(owner: Owner, plugin?: string): Disposable {
  using undo = new DisposableStack();
  const socket = undo.use(openTables());
  using _ = lockTables();
  remove(socket, owner, plugin);
  return undo.move();
}

/** {@link withdraw} under the lock. */
export function remove(socket: NetlinkSocket, owner: Owner, plugin?: string): void {
  const record = findRecord(owner);
  if (record === undefined) {
    removeStray(socket, owner);
    return;
  }
  const parts = Object.entries(record.parts);
  const [gone, kept] = [
    parts.filter(([name]) => plugin === undefined || name === plugin),
    parts.filter(([name]) => plugin !== undefined && name !== plugin),
  ];
  if (gone.length === 0) return;
  const entriesIn = (some: typeof parts) => some.flatMap(([, publication]) => entriesOf(record.owner, publication));

  const needed = new Set(entriesIn(kept).map(nameOf));
  const own = entriesIn(gone).filter((entry) => !entry.shared && !needed.has(nameOf(entry)));
  commitConsistently(socket, () => deleteEntries(presentOf(socket, own).filter(isAs(own))));
  if (kept.length > 0) {
    writeRecord({ owner: record.owner, parts: Object.fromEntries(kept) });
  } else {
    if (isAlone(record.owner)) removeNetwork(socket, record.owner, entriesIn(gone));
    // Last: where something above fails, the next DEL finds all that there is to do.
    removeRecord(record.owner);
  }
  for (const [, publication] of gone) forgetFlows(socket, publication, "here");
}

/**
 * What is left of an attachment without a record: by a plugin that was killed, or where somebody emptied /run. With other
 * records there, that is GC's affair: it takes a look at all elements.
 */
function removeStray(socket: NetlinkSocket, owner: Owner): void {
  removeRecord(owner);
  if (listNetworks().length > 0) return;
  const found = elementsOf(socket, commonMark);
  const [own, others] = [true, false].map((isOwn) =>
    found.filter(({ element: { comment } }) => (comment === ownerMark(owner)) === isOwn),
  ) as [Entry[], Entry[]];
  commitTables(socket, deleteEntries(own));
  if (others.every(({ element: { comment } }) => comment === networkMark(owner.network))) removeUnusedTables(socket);
}

/** The elements whose comment begins with `mark`. */
export function elementsOf(socket: NetlinkSocket, mark: string): Entry[] {
  return layouts
    .filter((layout) => tableState(socket, layout) === "current")
    .flatMap((layout) =>
      layout.sets.flatMap((set) =>
        listElements(socket, layout.table, set)
          .filter(({ comment }) => comment?.startsWith(mark))
          .map((element) => ({ layout, set, element, shared: false })),
      ),
    );
}

/** Says of an element found whether it is one of `entries` and still has the same owner. */
function isAs(entries: readonly Entry[]): (found: Entry) => boolean {
  const comments = new Map(entries.map((entry) => [nameOf(entry), entry.element.comment]));
  return (found) => comments.get(nameOf(found)) === found.element.comment;
}

/** Removes what the attachments of a network had in common, now that the last is gone, but for what others have too. */
function removeNetwork(socket: NetlinkSocket, { network: unused }: Owner, entries: readonly Entry[]): void {
  if (removeUnusedTables(socket, unused)) return;
  const networks = listNetworks().filter((network) => network !== unused);
  const others = networks.flatMap((network) => {
    const [first] = listRecords(network, 1);
    return first === undefined ? [] : Object.values(first.parts).flatMap((part) => entriesOf(first.owner, part));
  });
  const needed = new Set(others.map(nameOf));
  const shared = entries.filter((entry) => entry.shared && !needed.has(nameOf(entry)));
  commitTables(socket, deleteEntries(unique(presentOf(socket, shared))));
  const kept = new Set(chainsOf(others).map(({ name }) => name));
  for (const { name } of chainsOf(entries).filter(({ name }) => !kept.has(name))) {
    // Others may jump there still; a kernel before 6.2 takes a while to see that nobody does.
    unless(["EBUSY", "ENOENT"], () =>
      commitTables(socket, [flushChain(routed.table, name), deleteChain(routed.table, name)]),
    );
  }
}

/** Removes our tables when nothing is published any more, but by a network `unused`. @returns whether it is so. */
export function removeUnusedTables(socket: NetlinkSocket, unused?: string): boolean {
  if (listNetworks().some((network) => network !== unused)) return false;
  const ours = layouts.filter((layout) => ["current", "outdated"].includes(tableState(socket, layout)));
  commitTables(
    socket,
    ours.map(({ table }) => deleteTable(table)),
  );
  return true;
}

/** All records, the oldest first. */
export function allRecords(): Record[] {
  return listNetworks()
    .flatMap((network) => listRecords(network))
    .sort((a, b) => a.time - b.time);
}

/** Who changes the tables holds this lock, so that looking and changing are one step. */
export function lockTables(): Disposable {
  return lockFile(lockPath("published"));
}
