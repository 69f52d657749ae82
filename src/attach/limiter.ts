import type { AttachmentKey } from "../cni/plugin.ts";
import { getLink, type Link } from "../rtnetlink/link.ts";
import { hash, madeUpMac, networkMark, type Owner } from "./owner.ts";
import type { NetworkStack } from "./stack.ts";

/**
 * The name of the link through which goes what an attachment sends: an interface can only hold back what leaves by it.
 * The network is not in it, so that DEL finds the link after the network was renamed.
 */
export function ifbName({ containerID, ifname }: AttachmentKey): string {
  return `bwp${hash(`${containerID}/${ifname}`).slice(0, 12)}`;
}

/** The link that an attachment's limits have added to the host, if they have. */
export function findLimiter(host: NetworkStack, owner: Owner): Link | undefined {
  return getLink(host.route, { name: ifbName(owner) });
}

/** Whether a link is an attachment's of this network, whose ADD was killed before it could mark it. */
export function isUnmarkedIfb({ name, alias, info, mac }: Link, network: string): boolean {
  const isIfb = info?.kind === "ifb" && /^bwp[0-9a-f]{12}$/.test(name);
  return isIfb && !alias && mac === madeUpMac(networkMark(network));
}
