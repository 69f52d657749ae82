import type { AttachmentKey } from "../../cni/plugin.ts";
import type { NetlinkSocket } from "../../netlink/socket.ts";
import { listElements } from "../../nftables/elements.ts";
import { networkMark, ownerMark } from "../owner.ts";
import { deleteEntries, type Entry } from "./entries.ts";
import { admit } from "./hostfirewall.ts";
import { allRecords, lockTables, remove } from "./publish.ts";
import { listAttachments } from "./records.ts";
import { commitTables, layouts, openTables, rebuild, tableState } from "./tables.ts";

/** Takes back all that is published for attachments of a network other than `valid`. */
export function collect(network: string, valid: readonly AttachmentKey[]): void {
  using socket = openTables();
  using _ = lockTables();
  const validMarks = new Set(valid.map((key) => ownerMark({ network, ...key })));
  const isValid = (key: AttachmentKey) => validMarks.has(ownerMark({ network, ...key }));
  for (const key of listAttachments(network).filter((key) => !isValid(key))) remove(socket, { network, ...key });
  const { length } = listAttachments(network);
  const orphans = elementsOf(socket, networkMark(network)).filter(({ element: { comment = "" } }) =>
    comment === networkMark(network) ? length === 0 : !validMarks.has(comment),
  );
  commitTables(socket, deleteEntries(orphans));
}

/** The elements whose comment begins with `mark`. */
function elementsOf(socket: NetlinkSocket, mark: string): Entry[] {
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

/**
 * Makes our tables anew from what is published, in one transaction, and asks the host's own firewall once more: after
 * somebody flushed, changed or reloaded them.
 *
 * @returns how many attachments they hold now.
 */
export function reload(): number {
  using socket = openTables();
  using _ = lockTables();
  const records = allRecords();
  commitTables(socket, rebuild(socket, records));
  for (const { owner, parts } of records) {
    for (const publication of Object.values(parts)) admit(owner, publication);
  }
  return records.length;
}
