import { waitForLink } from "../../src/attach/carrier.ts";
import { readLayer3, restoreLayer3 } from "../../src/attach/layer3.ts";
import { commonMark, ownerMark, ownerOf } from "../../src/attach/owner.ts";
import {
  findRecordedSandbox,
  listRecords,
  type Record,
  readRecord,
  removeRecord,
  writeRecord,
} from "../../src/attach/record.ts";
import { findSandbox, type NetworkStack } from "../../src/attach/stack.ts";
import { refuseTaken } from "../../src/attach/veth.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import type { Attachment } from "../../src/cni/plugin.ts";
import type { Mac } from "../../src/ip/mac.ts";
import { getLink, type Link, LinkFlag, listLinks, setLink, setLinkUp } from "../../src/rtnetlink/link.ts";
import type { Selector } from "./config.ts";
import { describeLink, hasHardware, isLent, isSelected, type Lent } from "./lent.ts";

/** What the records of lent interfaces are filed under. */
export const kind = "host-devices";

/** How long DEL waits for the kernel to take a card back whose namespace is gone, in milliseconds. */
const fallBackTime = 1000;

/** An interface that is the container's for now; disposing of it gives it back to the host as it was. */
export type Loan = Link & { mac?: Mac } & Disposable;

/**
 * Moves an interface of the host into the container, under the name that it is to have there. Its alias is its name on the
 * host, by which DEL and the Go suite's DEL know where it belongs.
 *
 * The kernel does all of it in one request: it gives the new name in the new namespace, and takes a name that is free
 * there for the way (do_setlink in net/core/rtnetlink.c), so no name can clash, and nothing is done by halves.
 *
 * @throws CniError when the container has a link named CNI_IFNAME.
 */
export function lend(host: NetworkStack, container: NetworkStack, link: Link, attachment: Attachment): Loan {
  const { ifname: name } = attachment;
  const { index } = link;
  refuseTaken(container, name);
  const lent = describeLink(link);
  const before = readLayer3(host, index);
  using undo = new DisposableStack();
  undo.use(writeRecord(kind, attachment, container, lent));
  undo.defer(() => {
    const back = giveBack(host, container, lent, name);
    if (back === undefined) return;
    if (link.master) setLink(host.route, `put ${lent.name} back`, { index: back.index, master: link.master });
    if (link.flags & LinkFlag.up) setLinkUp(host.route, back);
    restoreLayer3(host, back.index, before);
  });
  const { fd: namespace } = container.namespace;
  setLink(host.route, `move ${lent.name} into the container`, { index, name, alias: lent.name, namespace });
  const moved = getLink(container.route, { name });
  if (moved === undefined) throw new Error(`Cannot find ${name} in the container: it vanished`);
  const made = undo.move();
  return { ...moved, [Symbol.dispose]: () => made.dispose() };
}

/** Takes an attachment's interface back to the host, wherever it is now. What the Go suite lent has its alias alone. */
export function takeBack(host: NetworkStack, attachment: Attachment): void {
  const record = readRecord<Lent>(kind, ownerOf(attachment));
  if (record === undefined) takeBackUnrecorded(host, attachment);
  else takeBackRecorded(host, record, attachment.netns);
}

function takeBackUnrecorded(host: NetworkStack, attachment: Attachment): void {
  using container = findSandbox(attachment);
  const link = container && getLink(container.route, { name: attachment.ifname });
  const { alias: name = "" } = link ?? {};
  if (container === undefined || link === undefined || !isLinkName(name)) return;
  const { alias: _, ...own } = describeLink(link);
  giveBack(host, container, { ...own, name }, attachment.ifname);
}

/** As {@link takeBack}, for an attachment that a record tells of. */
export function takeBackRecorded(host: NetworkStack, record: Record<Lent>, netns?: string): void {
  const { owner, note } = record;
  using container = findRecordedSandbox(netns, record);
  const isBack =
    (container && giveBack(host, container, note, owner.ifname)) ||
    restoreFallen(host, note, container === undefined ? fallBackTime : 0);
  // A namespace without a path may live on by its processes, and a card come back when they end: that is for GC.
  if (isBack || !hasHardware(note)) removeRecord(kind, owner);
}

/** `<network>/<container ID>/<interface>` of who has an interface. */
export function findHolder(selector: Selector): string | undefined {
  const record = listRecords<Lent>(kind).find(({ note }) => isSelected(note, selector));
  return record && ownerMark(record.owner).slice(commonMark.length);
}

/**
 * Moves an interface from the container to the host, down, with its name and alias of before.
 *
 * @returns the link on the host; undefined when the container does not have it.
 * @throws CniError (tryAgainLater) when the host has another link of its name: it stays where it is.
 */
function giveBack(host: NetworkStack, container: NetworkStack, lent: Lent, ifname: string): Link | undefined {
  const candidates = listLinks(container.route).filter((link) => isLent(link, lent));
  const link =
    candidates.find(({ alias }) => alias === lent.name) ??
    candidates.find(({ name, mac }) => (name === ifname || name === lent.name) && mac === lent.mac);
  if (link === undefined) return undefined;
  const { name, alias = "" } = lent;
  if (getLink(host.route, { name }) !== undefined) throw nameTaken(link, name);
  const { fd: namespace } = host.namespace;
  setLink(container.route, `move ${link.name} back to the host`, { index: link.index, name, alias, namespace });
  const back = getLink(host.route, { name });
  if (back === undefined) throw new Error(`Cannot find ${name} on the host: it vanished`);
  return back;
}

/**
 * When a namespace ends, the kernel takes the hardware's links back by itself, and gives them a name that is free
 * (default_device_exit_net in net/core/dev.c); others are gone with it.
 *
 * @param milliseconds to wait for a card: that comes a moment after the namespace has ended.
 * @returns whether the host has the interface.
 */
function restoreFallen(host: NetworkStack, lent: Lent, milliseconds: number): boolean {
  const { name, alias = "" } = lent;
  const isBack = (link: Link) => isLent(link, lent) && (link.name === name || link.alias === name);
  const look = () => listLinks(host.route).find(isBack);
  const found = hasHardware(lent) ? waitForLink(host, look, milliseconds) : look();
  if (found === undefined) return false;
  // Without the alias that it had in the container, it has been put back already.
  if (found.alias !== name) return true;
  if (found.name !== name && getLink(host.route, { name }) !== undefined) throw nameTaken(found, name);
  const { index } = found;
  setLink(host.route, `name ${found.name} ${name}`, { index, flags: 0, change: LinkFlag.up, name, alias });
  return true;
}

/** What a link can be named (dev_valid_name in net/core/dev.c); our own marks are no names. */
function isLinkName(text: string): boolean {
  return text !== "." && text !== ".." && /^[^\s/:]+$/.test(text) && Buffer.byteLength(text) <= 15;
}

function nameTaken(link: Link, name: string): CniError {
  return new CniError(ErrorCode.tryAgainLater, `Cannot give ${link.name} its name ${name} back: the host has another`, {
    details: `${name}: found a link of that name, allowed: none; rename it, and the next DEL moves ${link.name} back`,
  });
}
