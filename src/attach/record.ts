import { readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { isObject, parseJson } from "../cni/json.ts";
import type { Attachment, Network } from "../cni/plugin.ts";
import { writeNewFile } from "../linux/file.ts";
import { markFile, networkMark, type Owner, ownerMark, ownerOf } from "./owner.ts";
import { findSandbox, type NetworkStack } from "./stack.ts";
import { stateDirectory } from "./state.ts";

/** What a plugin keeps of an attachment where no kernel object can say it, for DEL and GC to find. */
export interface Record<Note> {
  readonly owner: Owner;
  /** CNI_NETNS of the ADD. */
  readonly netns: string;
  /** Of the namespace that was there then: a path may be given to another. */
  readonly namespaceId: string;
  readonly note: Note;
}

/**
 * Writes a record, before what it tells of is done: a record too many does no harm. Disposing of it removes it.
 *
 * @param kind what the records are of: `routes`.
 * @param note anything that JSON holds.
 */
export function writeRecord(kind: string, attachment: Attachment, container: NetworkStack, note: unknown): Disposable {
  const owner = ownerOf(attachment);
  const record = { owner, netns: attachment.netns, namespaceId: container.namespace.id, note };
  const path = pathOf(kind, owner);
  // No file's name that stands for an owner begins with a dot.
  const unfinished = path.replace(/[^/]+$/, ".$&");
  using undo = new DisposableStack();
  undo.defer(() => rmSync(unfinished, { force: true }));
  writeNewFile(unfinished, JSON.stringify(record));
  renameSync(unfinished, path);
  undo.move();
  return { [Symbol.dispose]: () => removeRecord(kind, owner) };
}

/** @returns undefined when there is none. */
export function readRecord<Note>(kind: string, owner: Owner): Record<Note> | undefined {
  return read(pathOf(kind, owner));
}

export function removeRecord(kind: string, owner: Owner): void {
  rmSync(pathOf(kind, owner), { force: true });
}

export function listRecords<Note>(kind: string): Record<Note>[] {
  return readAll(kind, "");
}

/** Those of a network's attachments, but for the ones that are still valid. */
export function listInvalidRecords<Note>(kind: string, { name, validAttachments }: Network): Record<Note>[] {
  const valid = new Set(validAttachments.map((key) => ownerMark({ network: name, ...key })));
  const ofNetwork = readAll<Note>(kind, markFile(networkMark(name)));
  return ofNetwork.filter(({ owner }) => !valid.has(ownerMark(owner)));
}

/**
 * The container's stack, for DEL and GC: by CNI_NETNS, and where that is not given, by the ADD's, if that is still the
 * namespace that it was.
 */
export function findRecordedSandbox(
  netns: string | undefined,
  record: Pick<Record<unknown>, "netns" | "namespaceId">,
): NetworkStack | undefined {
  if (netns) return findSandbox({ netns });
  using undo = new DisposableStack();
  const stack = findSandbox(record);
  if (stack !== undefined) undo.use(stack);
  if (stack?.namespace.id !== record.namespaceId) return undefined;
  undo.move();
  return stack;
}

function pathOf(kind: string, owner: Owner): string {
  return `${stateDirectory(kind)}/${markFile(ownerMark(owner))}`;
}

function readAll<Note>(kind: string, start: string): Record<Note>[] {
  const directory = stateDirectory(kind);
  const names = readdirSync(directory).filter((name) => name.startsWith(start) && !name.startsWith("."));
  return names.flatMap((name) => read<Note>(`${directory}/${name}`) ?? []);
}

function read<Note>(path: string): Record<Note> | undefined {
  try {
    const record = parseJson(readFileSync(path));
    return isObject(record) ? (record as unknown as Record<Note>) : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
