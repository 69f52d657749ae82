import type { Attachment } from "../cni/plugin.ts";
import type { DNS, Result } from "../cni/result.ts";
import type { Mac } from "../ip/mac.ts";
import { addLink, deleteLink, getLink, type Link, listLinks, type NewLink } from "../rtnetlink/link.ts";
import { makeMarkedLink } from "../rtnetlink/markedlink.ts";
import { chooseDns } from "./dns.ts";
import { describeInterface } from "./interface.ts";
import { commonMark, ownerMark, ownerOf, unfinishedName } from "./owner.ts";
import { findSandbox, type NetworkStack } from "./stack.ts";
import { refuseTaken } from "./veth.ts";

/** A link that an ADD made in its container; disposing of it removes it. */
export type MadeLink = Link & { mac: Mac } & Disposable;

/**
 * Has a container's link made in the container, and marks it with its owner.
 *
 * It gets its name there: where a link is asked for from the host, kernels take care that the host has none of its name
 * (rtnl_newlink in net/core/rtnetlink.c looks in the asking socket's namespace), and an `eth0` it has, mostly.
 *
 * @param make makes a link of the name that it is given in the container's namespace, or nothing when it throws.
 * @throws CniError when the container has a link named CNI_IFNAME.
 */
export function makeContainerLink(
  container: NetworkStack,
  attachment: Attachment,
  make: (name: string) => void,
): MadeLink {
  const { ifname: name } = attachment;
  const alias = ownerMark(ownerOf(attachment));
  refuseTaken(container, name);
  // A MAC has every link that plugins make in a container.
  const link = makeMarkedLink(container.route, unfinishedName(alias), { name, alias }, make) as Link & { mac: Mac };
  return { ...link, [Symbol.dispose]: () => deleteLink(container.route, { index: link.index }) };
}

/**
 * As {@link makeContainerLink}, for a link that stands on another.
 *
 * @param stack the one that the other, `link.link`, is in.
 * @param explain makes the error for a link that the kernel refuses out of the kernel's.
 */
export function makeUpperLink(
  stack: NetworkStack,
  container: NetworkStack,
  attachment: Attachment,
  link: Omit<NewLink, "name" | "namespace">,
  explain: (error: unknown) => unknown,
): MadeLink {
  const { fd: namespace } = container.namespace;
  return makeContainerLink(container, attachment, (name) => {
    try {
      addLink(stack.route, { ...link, name, namespace }, attachment.ifname);
    } catch (error) {
      throw explain(error);
    }
  });
}

/**
 * Removes the link that an ADD made in the container, if it is there: one of the kinds that the plugin makes, with the
 * attachment's mark, or without any mark of ours, which the Go suite made.
 */
export function removeContainerLink(attachment: Attachment, ...kinds: readonly string[]): void {
  using container = findSandbox(attachment);
  if (container === undefined) return;
  const owner = ownerOf(attachment);
  // There still where an ADD was killed.
  deleteLink(container.route, { name: unfinishedName(ownerMark(owner)) });
  // Somebody in the container may have given it another name.
  const isMarked = ({ alias }: Link) => alias === ownerMark(owner);
  const link = getLink(container.route, { name: attachment.ifname }) ?? listLinks(container.route).find(isMarked);
  if (link?.info?.kind === undefined || !kinds.includes(link.info.kind)) return;
  const foreign = link.alias !== ownerMark(owner) && link.alias?.startsWith(commonMark);
  if (!foreign) deleteLink(container.route, link);
}

/** The result of an ADD that made one interface, which has all addresses of the lease. */
export function resultOf(
  container: NetworkStack,
  attachment: Attachment,
  link: MadeLink,
  { lease, dns }: { readonly lease: Result; readonly dns?: DNS | undefined },
): Result {
  return {
    interfaces: [describeInterface(container, attachment, link)],
    ips: lease.ips.map((ip) => ({ ...ip, interface: 0 })),
    routes: lease.routes,
    dns: chooseDns(dns, lease.dns),
  };
}
