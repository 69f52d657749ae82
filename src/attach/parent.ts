import { invalidConfig } from "../cni/config.ts";
import type { Attachment, Network } from "../cni/plugin.ts";
import { lockFile } from "../linux/lock.ts";
import { addLink, deleteLink, expectLink, getLink, type Link, LinkFlag, type NewLink } from "../rtnetlink/link.ts";
import { makeMarkedLink } from "../rtnetlink/markedlink.ts";
import { removeHostRoutes, removeShim } from "./hostaccess.ts";
import { hash, type Owner, ownerOf, unfinishedName } from "./owner.ts";
import type { NetworkStack } from "./stack.ts";
import { lockPath } from "./state.ts";
import { addUser, listInvalid, listUsed, listUsers, removeUser, type Use, userName } from "./users.ts";

/** The alias of a parent that Berth made: it goes with its last user. */
const ownParentAlias = "berth/parent";
const kind = "parents";

/** The name of the dummy link that a network without a parent stands on. */
export function dummyParentName(network: string): string {
  return `dm-${hash(network).slice(0, 12)}`;
}

/** What {@link claimParent} would make for a name that no link has; undefined: nothing. */
export function parentToMake(host: NetworkStack, name: string, what: string): NewLink | undefined {
  if (/^dm-[0-9a-f]{12}$/.test(name)) return { name, info: { kind: "dummy" } };
  const [, below = "", digits = ""] = /^(.+)\.(\d+)$/.exec(name) ?? [];
  const lower = below === "" ? undefined : getLink(host.route, { name: below });
  if (lower === undefined) return undefined;
  const id = Number(digits);
  if (id < 1 || id > 4094) throw invalidConfig(what, "master", name, "a VLAN id from 1 to 4094 after the dot");
  return { name, link: lower.index, info: { kind: "vlan", data: { id } } };
}

/** A parent in use by an attachment; disposing of it gives it up. */
export interface ParentClaim extends Disposable {
  readonly link: Link;
}

/**
 * Takes the link that an attachment's interface is to stand on: the one there is, or, for `<link>.<VLAN id>`, a VLAN
 * that is made when missing, shared by all attachments that ask for it, and removed with the last of them.
 *
 * @param what what is being read, for errors: `macvlan configuration`.
 * @throws CniError when there is no such link and none can be made, or it is down.
 */
export function claimParent(host: NetworkStack, name: string, attachment: Attachment, what: string): ParentClaim {
  using _lock = lockParent(name);
  using undo = new DisposableStack();
  const owner = ownerOf(attachment);
  const found = getLink(host.route, { name });
  if (found === undefined || found.alias === ownParentAlias) {
    undo.defer(() => giveUp(host, { object: name, user: userName(owner) }));
    // First: by it, the parent of an ADD that was killed is found.
    addUser(kind, name, owner);
  }
  const link = found ?? makeParent(host, name, what);
  if (!(link.flags & LinkFlag.up)) throw invalidConfig(what, "master", `${name}, which is down`, "a link that is up");
  undo.move();
  return { link, [Symbol.dispose]: () => releaseParents(host, owner) };
}

/** Gives up the parents that an attachment uses: found by what was recorded, whatever its configuration says now. */
export function releaseParents(host: NetworkStack, owner: Owner): void {
  for (const use of listUsed(kind, owner)) release(host, use);
}

/** As {@link releaseParents}, for all attachments of a network that are not valid any more. */
export function releaseInvalidParents(host: NetworkStack, { name, validAttachments }: Network): void {
  for (const use of listInvalid(kind, name, validAttachments)) release(host, use);
}

/** Notes that an attachment's addresses are reached from the host by way of a parent, and lets `grant` bring that about. */
export function noteHostAccess(
  parent: string,
  attachment: Attachment,
  addresses: readonly string[],
  grant: () => void,
): void {
  using _lock = lockParent(parent);
  addUser(kind, parent, ownerOf(attachment), addresses);
  grant();
}

function release(host: NetworkStack, use: Use): void {
  using _lock = lockParent(use.object);
  giveUp(host, use);
}

/** {@link release} under the lock. */
function giveUp(host: NetworkStack, { object: name, user }: Use): void {
  const others = listUsers(kind, name);
  const reached = others.get(user);
  if (reached === undefined) return;
  others.delete(user);
  const stillReached = new Set([...others.values()].flat());
  // An address may have been given to the next attachment already.
  removeHostRoutes(
    host,
    name,
    reached.filter((address) => !stillReached.has(address)),
  );
  if (stillReached.size === 0) removeShim(host, name);
  if (others.size === 0) removeParent(host, name);
  // Last: where something above fails, the next DEL finds all that there is to do.
  removeUser(kind, { object: name, user });
}

function removeParent(host: NetworkStack, name: string): void {
  const link = getLink(host.route, { name });
  // An ADD may have been killed over it.
  if (link === undefined) deleteLink(host.route, { name: unfinishedName(name) });
  if (link?.alias === ownParentAlias) deleteLink(host.route, link);
}

function makeParent(host: NetworkStack, name: string, what: string): Link {
  const wanted = parentToMake(host, name, what);
  if (wanted === undefined) {
    throw invalidConfig(what, "master", name, "the name of a link, or <link>.<VLAN id> for a VLAN to be made on it");
  }
  const naming = { name, alias: ownParentAlias, flags: LinkFlag.up, change: LinkFlag.up };
  const { index } = makeMarkedLink(host.route, unfinishedName(name), naming, (unfinished) =>
    addLink(host.route, { ...wanted, name: unfinished }, name),
  );
  return expectLink(host.route, { index });
}

function lockParent(name: string): Disposable {
  return lockFile(lockPath(`parent-${name}`));
}
