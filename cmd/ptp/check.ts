import { checkContainerLink, checkLayer3, mismatch, requirePrevResult } from "../../src/attach/check.ts";
import { inspect } from "../../src/attach/firewall/inspect.ts";
import { checkLimits } from "../../src/attach/limits.ts";
import { ownerOf } from "../../src/attach/owner.ts";
import { NetworkStack, openSandbox } from "../../src/attach/stack.ts";
import { delegateCheck } from "../../src/cni/delegate.ts";
import type { Attachment } from "../../src/cni/plugin.ts";
import type { Result } from "../../src/cni/result.ts";
import { Prefix } from "../../src/ip/prefix.ts";
import { listAddresses } from "../../src/rtnetlink/address.ts";
import { getLink, type Link } from "../../src/rtnetlink/link.ts";
import { lookUpRoute } from "../../src/rtnetlink/route.ts";
import type { PtpConfig } from "./config.ts";
import { publicationOf } from "./publication.ts";

/** @throws CniError for the first thing that is not as ADD left it. */
export function checkAttachment(attachment: Attachment, config: PtpConfig): void {
  const prevResult = requirePrevResult(attachment);
  if (config.ipam !== undefined) delegateCheck(attachment, config.ipam);
  using host = NetworkStack.own();
  using container = openSandbox(attachment);
  const end = checkContainerLink(container, attachment, prevResult, "veth");
  const peer = end.link === undefined ? undefined : getLink(host.route, { index: end.link });
  if (peer?.info?.kind !== "veth") throw mismatch(`peer of ${end.name}`, peer?.info?.kind, "a veth on the host");
  checkHost(host, peer, prevResult);
  checkLimits(host, ownerOf(attachment), peer, config.limits);
  checkLayer3(container, end, prevResult);
  inspect(ownerOf(attachment), publicationOf(host, attachment, config, prevResult));
}

function checkHost(host: NetworkStack, peer: Link, { ips }: Result): void {
  const present = listAddresses(host.route, peer.index).map(({ prefix }) => prefix);
  for (const { address, gateway } of ips) {
    if (gateway !== undefined && !present.some((prefix) => prefix.equals(Prefix.host(gateway)))) {
      throw mismatch(`gateway on ${peer.name}`, present.join(", ") || undefined, gateway);
    }
    const { link } = lookUpRoute(host.route, address.address);
    if (link !== peer.index) throw mismatch(`link to ${address.address}`, link, peer.index);
  }
}
