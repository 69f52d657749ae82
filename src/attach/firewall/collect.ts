import type { AttachmentKey } from "../../cni/plugin.ts";
import { commonMark, networkMark, ownerMark } from "../owner.ts";
import { deleteEntries } from "./entries.ts";
import { admit } from "./hostfirewall.ts";
import { allRecords, elementsOf, lockTables, remove, removeUnusedTables } from "./publish.ts";
import { listAttachments, listNetworks, tidyRecords } from "./records.ts";
import { commitTables, openTables, rebuild } from "./tables.ts";

/** Takes back all that is published for attachments of a network other than `valid`. */
export function collect(network: string, valid: readonly AttachmentKey[]): void {
  using socket = openTables();
  using _ = lockTables();
  const validMarks = new Set(valid.map((key) => ownerMark({ network, ...key })));
  const isValid = (key: AttachmentKey) => validMarks.has(ownerMark({ network, ...key }));
  for (const key of listAttachments(network).filter((key) => !isValid(key))) remove(socket, { network, ...key });
  tidyRecords(network);
  const { length } = listAttachments(network);
  const orphans = elementsOf(socket, networkMark(network)).filter(({ element: { comment = "" } }) =>
    comment === networkMark(network) ? length === 0 : !validMarks.has(comment),
  );
  commitTables(socket, deleteEntries(orphans));
  // Left empty by a plugin that was killed.
  if (listNetworks().length === 0 && elementsOf(socket, commonMark).length === 0) removeUnusedTables(socket);
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
