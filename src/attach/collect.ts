import type { Network } from "../cni/plugin.ts";
import { deleteLinks, type Link, listLinks } from "../rtnetlink/link.ts";
import { ifbName, isUnmarkedIfb } from "./limiter.ts";
import { networkMark, ownerMark } from "./owner.ts";
import type { NetworkStack } from "./stack.ts";

/**
 * Removes the host's links that belong to an attachment of this network that GC is not told to be valid any more.
 *
 * @param kind of which kind; left out: any.
 */
export function collectLinks(host: NetworkStack, network: Network, kind?: string): void {
  const isStale = staleLinksOf(network);
  const links = listLinks(host.route).filter(
    (link) => isStale(link) && (kind === undefined || link.info?.kind === kind),
  );
  deleteLinks(host.route, links);
}

function staleLinksOf({ name: network, validAttachments }: Network): (link: Link) => boolean {
  const validMarks = new Set(validAttachments.map((attachment) => ownerMark({ network, ...attachment })));
  const validNames = new Set(validAttachments.map(ifbName));
  const mark = networkMark(network);
  return (link) =>
    isUnmarkedIfb(link, network)
      ? !validNames.has(link.name)
      : link.alias?.startsWith(mark) === true && !validMarks.has(link.alias);
}
