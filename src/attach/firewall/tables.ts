import { CniError, ErrorCode } from "../../cni/error.ts";
import { NetlinkError } from "../../netlink/error.ts";
import { openNetfilter } from "../../netlink/netfilter.ts";
import type { NetlinkSocket, Request } from "../../netlink/socket.ts";
import { deleteTable, findTable } from "../../nftables/tables.ts";
import { commit } from "../../nftables/transaction.ts";
import { notAvailable } from "../ready.ts";
import { addEntries, chainsOf, type Entry, entriesOf, nameOf } from "./entries.ts";
import { bridged, create, createChains, isCurrent, type Layout, routed } from "./layout.ts";
import type { Record } from "./records.ts";

/** Our tables. Most hosts have no use for the second. */
export const layouts = [routed, bridged] as const;

/** A socket for nf_tables. @throws CniError (notAvailable) when the kernel has none, or this user may not use it. */
export function openTables(): NetlinkSocket {
  try {
    return openNetfilter();
  } catch (cause) {
    throw new CniError(ErrorCode.notAvailable, "Cannot use nf_tables: the kernel has no netfilter netlink", { cause });
  }
}

/**
 * How a table stands: as this version makes it, of another version, missing, or somebody else's who took the name.
 */
export type TableState = "current" | "outdated" | "missing" | "foreign";

export function tableState(socket: NetlinkSocket, layout: Layout): TableState {
  const table = findTable(socket, layout.table);
  if (table === undefined) return "missing";
  if (isCurrent(layout, table.comment)) return "current";
  return table.comment.startsWith("Berth:") ? "outdated" : "foreign";
}

/** @throws CniError when a table with our name is not ours. */
export function refuseForeign(layout: Layout, state: TableState | undefined): void {
  if (state !== "foreign") return;
  const { family, name } = layout.table;
  throw new CniError(ErrorCode.internal, `Cannot use table ${family} ${name}: it is not Berth's`, {
    details: `table ${family} ${name}: found one without Berth's comment, allowed: none`,
  });
}

/**
 * The changes that make the tables anew from the records, in one transaction with the removal of what was there: no
 * packet meets the host without rules. Where two records claim one element, the later one's container is the living one.
 *
 * @param needed tables to make although no record has a use for them yet.
 */
export function rebuild(socket: NetlinkSocket, records: readonly Record[], needed: readonly Layout[] = []): Request[] {
  const entries = uniqueEntries(records);
  return layouts.flatMap((layout) => {
    const state = tableState(socket, layout);
    refuseForeign(layout, state);
    const mine = entries.filter((entry) => entry.layout === layout);
    return [
      ...(state === "missing" ? [] : [deleteTable(layout.table)]),
      ...(mine.length === 0 && !needed.includes(layout)
        ? []
        : [...create(layout), ...createChains(layout, chainsOf(mine)), ...addEntries(mine, false)]),
    ];
  });
}

/** The elements of records, each once. */
function uniqueEntries(records: readonly Record[]): Entry[] {
  const all = records.flatMap(({ owner, parts }) =>
    Object.values(parts).flatMap((publication) => entriesOf(owner, publication)),
  );
  return [...new Map(all.map((entry) => [nameOf(entry), entry])).values()];
}

/** Commits; says what is missing where the kernel has no nf_tables, or not all of it. */
export function commitTables(socket: NetlinkSocket, changes: readonly Request[]): void {
  try {
    commit(socket, changes);
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.code !== "EOPNOTSUPP") throw error;
    throw new CniError(ErrorCode.notAvailable, "Cannot use nf_tables: the kernel lacks a part of it", {
      cause: error,
      details: "allowed: a kernel with nf_tables, its NAT and fib expressions, and connection tracking (5.10 or newer)",
    });
  }
}

/** For STATUS. @throws CniError (notAvailable) when nf_tables cannot be used, or a table of our name is somebody else's. */
export function checkTables(): void {
  using socket = openTables();
  for (const layout of layouts) {
    try {
      refuseForeign(layout, tableState(socket, layout));
    } catch (cause) {
      if (cause instanceof CniError) throw notAvailable(cause.message, cause.details);
      throw notAvailable("nf_tables cannot be used", undefined, cause);
    }
  }
}
