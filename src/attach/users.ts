import { readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import type { AttachmentKey } from "../cni/plugin.ts";
import { networkMark, type Owner, ownerMark } from "./owner.ts";
import { stateDirectory } from "./state.ts";

/**
 * Which attachments use an object that they share, and that the kernel does not count users of where we can see it: a
 * directory for each object, a file for each user. All of this is to be called under a lock for the object.
 *
 * @param kind what the objects are: `parents`.
 */
export function addUser(kind: string, object: string, owner: Owner, note: readonly string[] = []): void {
  writeFileSync(`${stateDirectory(kind, object)}/${fileName(ownerMark(owner))}`, JSON.stringify(note), { mode: 0o600 });
}

/** @returns the note that was kept with the user; undefined when it was none. */
export function removeUser(kind: string, object: string, user: string): string[] | undefined {
  const note = readNote(kind, object, user);
  rmSync(`${stateDirectory(kind, object)}/${user}`, { force: true });
  return note;
}

/** The users of an object with their notes; a directory without any is removed. */
export function listUsers(kind: string, object: string): Map<string, string[]> {
  const directory = stateDirectory(kind, object);
  const users = readdirSync(directory);
  if (users.length === 0) rmdirSync(directory);
  return new Map(users.flatMap((user) => [[user, readNote(kind, object, user) ?? []]]));
}

/** The objects that one attachment uses. */
export function listUsed(kind: string, owner: Owner): { object: string; user: string }[] {
  const user = fileName(ownerMark(owner));
  return listAllUsed(kind).filter((use) => use.user === user);
}

/** The uses of a network's attachments, but for those that are still valid. */
export function listInvalid(
  kind: string,
  network: string,
  valid: readonly AttachmentKey[],
): { object: string; user: string }[] {
  const start = fileName(networkMark(network));
  const keep = new Set(valid.map((key) => fileName(ownerMark({ network, ...key }))));
  return listAllUsed(kind).filter(({ user }) => user.startsWith(start) && !keep.has(user));
}

function listAllUsed(kind: string): { object: string; user: string }[] {
  const root = stateDirectory(kind);
  return readdirSync(root).flatMap((object) => readdirSync(`${root}/${object}`).map((user) => ({ object, user })));
}

/** No part of a mark can hold a `+`, apart from the interface's name, which comes last. */
function fileName(mark: string): string {
  return mark.slice("berth/".length).replaceAll("/", "+");
}

function readNote(kind: string, object: string, user: string): string[] | undefined {
  try {
    const note: unknown = JSON.parse(readFileSync(`${stateDirectory(kind, object)}/${user}`, "utf8"));
    return Array.isArray(note) ? note.map(String) : [];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    // Left by a process that was killed while it wrote: it had noted nothing yet.
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}
