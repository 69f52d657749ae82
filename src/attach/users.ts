import { readdirSync, rmSync } from "node:fs";
import type { AttachmentKey } from "../cni/plugin.ts";
import { readRegularFile, writeNewFile } from "../linux/file.ts";
import { markFile, networkMark, type Owner, ownerMark } from "./owner.ts";
import { stateDirectory } from "./state.ts";

/** That an attachment uses an object. */
export interface Use {
  readonly object: string;
  /** {@link userName} of the attachment. */
  readonly user: string;
}

/**
 * Which attachments use an object that they share, and that the kernel does not count users of where we can see it: a
 * file for each, named `<object>:<user>`. All of this is to be called under a lock for the object.
 *
 * @param kind what the objects are: `parents`.
 * @param object a link's name, which cannot hold a colon.
 */
export function addUser(kind: string, object: string, owner: Owner, note: readonly string[] = []): void {
  writeNewFile(pathOf(kind, { object, user: userName(owner) }), JSON.stringify(note));
}

export function removeUser(kind: string, use: Use): void {
  rmSync(pathOf(kind, use), { force: true });
}

/** The users of an object with the notes that were kept with them. */
export function listUsers(kind: string, object: string): Map<string, string[]> {
  const uses = listUses(kind).filter((use) => use.object === object);
  return new Map(uses.flatMap((use) => [[use.user, readNote(kind, use)]]));
}

/** The objects that one attachment uses. */
export function listUsed(kind: string, owner: Owner): Use[] {
  const user = userName(owner);
  return listUses(kind).filter((use) => use.user === user);
}

/** The uses of a network's attachments, but for those that are still valid. */
export function listInvalid(kind: string, network: string, valid: readonly AttachmentKey[]): Use[] {
  const start = markFile(networkMark(network));
  const keep = new Set(valid.map((key) => userName({ network, ...key })));
  return listUses(kind).filter(({ user }) => user.startsWith(start) && !keep.has(user));
}

/** An attachment as a user: `<network>+<container ID>+<interface>`. */
export function userName(owner: Owner): string {
  return markFile(ownerMark(owner));
}

function listUses(kind: string): Use[] {
  return readdirSync(stateDirectory(kind)).map((name) => {
    const colon = name.indexOf(":");
    return { object: name.slice(0, colon), user: name.slice(colon + 1) };
  });
}

function pathOf(kind: string, { object, user }: Use): string {
  return `${stateDirectory(kind)}/${object}:${user}`;
}

function readNote(kind: string, use: Use): string[] {
  try {
    const note: unknown = JSON.parse(readRegularFile(pathOf(kind, use)).toString());
    return Array.isArray(note) ? note.map(String) : [];
  } catch (error) {
    // Left by a process that was killed while it wrote: it had noted nothing yet.
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}
