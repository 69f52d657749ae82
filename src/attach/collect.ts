import type { Network } from "../cni/plugin.ts";
import { deleteLink, type Link, listLinks } from "../rtnetlink/link.ts";
import { networkMark, ownerMark } from "./owner.ts";
import type { NetworkStack } from "./stack.ts";

/** The marks of the attachments that GC is told are still valid. */
function validMarks({ name, validAttachments }: Network): Set<string> {
  return new Set(validAttachments.map((attachment) => ownerMark({ network: name, ...attachment })));
}

/**
 * Removes the host's links that carry the mark of an attachment of this network that is not valid any more.
 *
 * @param kind of which kind; left out: any.
 */
export function collectLinks(host: NetworkStack, network: Network, kind?: string): void {
  const valid = validMarks(network);
  const ofNetwork = networkMark(network.name);
  const stale = ({ alias = "", info }: Link) =>
    alias.startsWith(ofNetwork) && !valid.has(alias) && (kind === undefined || info?.kind === kind);
  using steps = new DisposableStack();
  for (const link of listLinks(host.route).filter(stale)) steps.defer(() => deleteLink(host.route, link));
}
