import { lockFile, tryLockFile } from "../linux/lock.ts";
import { deleteLink, expectLink, getLink, type Link } from "../rtnetlink/link.ts";
import { unfinishedName } from "./owner.ts";
import type { NetworkStack } from "./stack.ts";
import { lockPath } from "./state.ts";

/**
 * A link of the host that several attachments share, by its name; made when there is none, by one of them.
 *
 * @param make makes it, as {@link import("../rtnetlink/markedlink.ts").makeMarkedLink} does, under `unfinishedName(name)`.
 */
export function findOrMakeLink(host: NetworkStack, name: string, make: () => void): Link {
  const find = () => getLink(host.route, { name });
  const found = find();
  if (found !== undefined) return found;
  using _lock = lockFile(makingLock(name));
  const made = find();
  if (made !== undefined) return made;
  make();
  return expectLink(host.route, { name });
}

/** Removes what an ADD left that was killed over {@link findOrMakeLink}. */
export function removeUnfinished(host: NetworkStack, name: string): void {
  using lock = tryLockFile(makingLock(name));
  if (lock !== undefined) deleteLink(host.route, { name: unfinishedName(name) });
}

function makingLock(name: string): string {
  return lockPath(`making-${name}`);
}
