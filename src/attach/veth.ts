import { CniError, ErrorCode } from "../cni/error.ts";
import type { Attachment } from "../cni/plugin.ts";
import type { Mac } from "../ip/mac.ts";
import { NetlinkError } from "../netlink/error.ts";
import {
  addLink,
  deleteLink,
  deleteLinks,
  getLink,
  type Link,
  LinkFlag,
  type LinkInfo,
  setLink,
} from "../rtnetlink/link.ts";
import { hostLinkName, madeUpMac, ownerMark, ownerOf } from "./owner.ts";
import { findSandbox, type NetworkStack } from "./stack.ts";

/** A veth pair between the host and a container; disposing of it removes both ends. */
export interface VethPair extends Disposable {
  /** As results tell it. */
  readonly host: { readonly name: string; readonly mac: Mac; readonly mtu?: number };
  readonly container: Link & { mac: Mac };
}

export interface VethOptions {
  /** In bytes; left out: the kernel's default. */
  readonly mtu?: number | undefined;
  /** Of the container's end. */
  readonly mac?: Mac | undefined;
  /** Index of the bridge that the host's end joins. */
  readonly bridge?: number;
  /** What the bridge is to keep for that port. */
  readonly port?: NonNullable<LinkInfo["port"]>["data"];
}

/**
 * Makes an attachment's veth pair, each end under its final name in its own namespace at once: no name can clash on the
 * way. The host's end carries its owner and is up; the container's end is down, for its settings to come first.
 *
 * @throws CniError when the container has a link named CNI_IFNAME.
 */
export function createVethPair(
  host: NetworkStack,
  container: NetworkStack,
  attachment: Attachment,
  { mtu, mac, bridge, port }: VethOptions,
): VethPair {
  const { ifname } = attachment;
  const owner = ownerOf(attachment);
  const name = hostLinkName(owner);
  const hostMac = madeUpMac(`${ownerMark(owner)}@host`);
  const sized = mtu ? { mtu } : {};
  refuseTaken(container, ifname);

  using undo = new DisposableStack();
  const peer = { name: ifname, mac: mac ?? madeUpMac(ownerMark(owner)), namespace: container.namespace.fd, ...sized };
  const link = { name, mac: hostMac, ...sized, ...(bridge && { master: bridge }) };
  // The kernel may have made it though its answer was lost.
  undo.defer(() => removeUnmarked(host, name));
  replaceStale(host, attachment, () => addLink(host.route, { ...link, info: { kind: "veth", data: { peer } } }));
  undo.defer(() => deleteLink(host.route, { name }));
  setLink(host.route, `set up ${name}`, {
    name,
    alias: ownerMark(owner),
    flags: LinkFlag.up,
    change: LinkFlag.up,
    ...(port && { info: { port: { kind: "bridge", data: port } } }),
  });
  const end = getLink(container.route, { name: ifname });
  if (end?.mac === undefined) throw new Error(`Cannot find ${ifname} in the container: it vanished`);
  const made = undo.move();
  return {
    host: { name, mac: hostMac, ...(end.mtu && { mtu: end.mtu }) },
    container: { ...end, mac: end.mac },
    [Symbol.dispose]: () => made.dispose(),
  };
}

/** What the Go suite names the host's end of a veth pair. */
const goSuiteName = /^veth[0-9a-f]{8}$/;

/**
 * Removes an attachment's veth pair, found by its owner in the host; one that the Go suite made, whose name is random,
 * by its end in the container. A link of that name that somebody else put there is left alone.
 *
 * @param limiter the link of the attachment's limits, which is removed as well, in the time that one takes.
 */
export function removeVethPair(host: NetworkStack, attachment: Attachment, limiter?: Link): void {
  const owner = ownerOf(attachment);
  const link = getLink(host.route, { name: hostLinkName(owner) });
  const own = link !== undefined && isOwn(link, ownerMark(owner)) ? link : undefined;
  deleteLinks(
    host.route,
    [own, limiter].filter((it) => it !== undefined),
  );
  if (own !== undefined) return;
  using container = findSandbox(attachment);
  if (container === undefined) return;
  const end = getLink(container.route, { name: attachment.ifname });
  if (end?.info?.kind !== "veth" || end.link === undefined) return;
  const peer = getLink(host.route, { index: end.link });
  if (peer?.info?.kind === "veth" && goSuiteName.test(peer.name) && !peer.alias) deleteLink(container.route, end);
}

/** @throws CniError when the container has a link of that name: an ADD must not touch it (specification, CNI_IFNAME). */
export function refuseTaken(container: NetworkStack, ifname: string): void {
  if (getLink(container.route, { name: ifname }) === undefined) return;
  throw new CniError(
    ErrorCode.invalidEnvironment,
    `Cannot add ${ifname} to the container: it has a link of that name`,
    {
      details: `CNI_IFNAME: found ${JSON.stringify(ifname)}, allowed: a name that no link in ${container.namespace.path} has`,
    },
  );
}

/**
 * A plugin that was killed before it could mark a host's end leaves it without a mark: that is replaced. One with the
 * mark of this attachment is in use (specification, ADD: not twice without a DEL between).
 */
function replaceStale(host: NetworkStack, attachment: Attachment, add: () => void): void {
  try {
    add();
  } catch (error) {
    if (!(error instanceof NetlinkError && error.code === "EEXIST")) throw error;
    const name = hostLinkName(ownerOf(attachment));
    if (!removeUnmarked(host, name)) throw alreadyAttached(attachment, getLink(host.route, { name }), error);
    add();
  }
}

/** @returns whether there was a veth of that name without a mark. */
function removeUnmarked(host: NetworkStack, name: string): boolean {
  const link = getLink(host.route, { name });
  return link?.info?.kind === "veth" && !link.alias && deleteLink(host.route, link);
}

function alreadyAttached(attachment: Attachment, link: Link | undefined, cause: NetlinkError): CniError {
  const { containerID, ifname, network } = attachment;
  const message = `Cannot add ${ifname} of ${containerID} to ${network.name}: its host interface is there already`;
  return new CniError(ErrorCode.invalidEnvironment, message, {
    details: `${link?.name}: found the alias ${JSON.stringify(link?.alias)}, allowed: no link of that name; DEL comes first`,
    cause,
  });
}

function isOwn({ alias = "", info }: Link, mark: string): boolean {
  return info?.kind === "veth" && (alias === mark || alias === "");
}
