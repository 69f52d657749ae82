import { existsSync } from "node:fs";
import type { Attachment, Network } from "../cni/plugin.ts";
import { lockFile } from "../linux/lock.ts";
import { type Owner, ownerOf } from "./owner.ts";
import { lockPath } from "./state.ts";
import { addUser, listInvalid, listUsed, listUsers, removeUser, type Use } from "./users.ts";

/** An attachment's claim on something of which the kernel does not tell who has it. */
export interface Holder {
  /** `<network>/<container ID>/<interface>`. */
  readonly name: string;
  /** What was claimed. */
  readonly wanted: string;
}

/**
 * Notes that an attachment uses an object in some way. Disposing of the claim gives it up.
 *
 * @param kind what the objects are: `ipvlan`.
 * @param wanted in which way.
 * @param judge throws where one of the others is in the way.
 */
export function claim(
  kind: string,
  object: string,
  attachment: Attachment,
  wanted: string,
  judge: (others: readonly Holder[]) => void = () => {},
): Disposable {
  const owner = ownerOf(attachment);
  using _lock = lockObject(kind, object);
  judge(holdersOf(kind, object));
  addUser(kind, object, owner, [wanted, attachment.netns ?? ""]);
  return { [Symbol.dispose]: () => releaseClaims(kind, owner) };
}

/** Who claims an object, but for those whose namespace is gone: they were not deleted as they should be. */
export function holdersOf(kind: string, object: string): Holder[] {
  return [...listUsers(kind, object)].flatMap(([user, [wanted = "", netns = ""]]) =>
    existsSync(netns) ? [{ name: user.replaceAll("+", "/"), wanted }] : [],
  );
}

export function releaseClaims(kind: string, owner: Owner): void {
  for (const use of listUsed(kind, owner)) release(kind, use);
}

/** As {@link releaseClaims}, for all attachments of a network that are not valid any more. */
export function releaseInvalidClaims(kind: string, { name, validAttachments }: Network): void {
  for (const use of listInvalid(kind, name, validAttachments)) release(kind, use);
}

function release(kind: string, use: Use): void {
  using _lock = lockObject(kind, use.object);
  removeUser(kind, use);
}

function lockObject(kind: string, object: string): Disposable {
  return lockFile(lockPath(`${kind}-${object}`));
}
