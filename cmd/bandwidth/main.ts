import { requireChained } from "../../src/attach/chained.ts";
import { requirePrevResult } from "../../src/attach/check.ts";
import { collectLinks } from "../../src/attach/collect.ts";
import { checkLimits, hasLimits, type Limits, limitRates, removeLimits } from "../../src/attach/limits.ts";
import { ownerOf } from "../../src/attach/owner.ts";
import { checkPrivileges } from "../../src/attach/ready.ts";
import { findSandbox, NetworkStack, openSandbox } from "../../src/attach/stack.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import type { Attachment, Plugin } from "../../src/cni/plugin.ts";
import { emptyResult, type Result } from "../../src/cni/result.ts";
import { versions } from "../../src/cni/version.ts";
import { getLink, type Link } from "../../src/rtnetlink/link.ts";
import { configure } from "./config.ts";

/** Limits how fast a container receives and sends. */
export const plugin: Plugin<Limits> = {
  name: "bandwidth",
  versions,
  configure,
  configureForRelease: () => ({}),

  add(attachment, limits) {
    if (!hasLimits(limits)) return attachment.prevResult ?? emptyResult();
    const prevResult = requireChained(attachment, "must be called as chained plugin");
    using host = NetworkStack.own();
    const link = hostEnd(host, attachment, prevResult);
    using undo = new DisposableStack();
    const { interfaces } = undo.use(limitRates(host, ownerOf(attachment), link, limits));
    undo.move();
    return { ...prevResult, interfaces: [...prevResult.interfaces, ...interfaces] };
  },

  del(attachment) {
    using host = NetworkStack.own();
    removeLimits(host, ownerOf(attachment), findHostEnd(host, attachment));
  },

  check(attachment, limits) {
    if (!hasLimits(limits)) return;
    using host = NetworkStack.own();
    const prevResult = requirePrevResult(attachment);
    checkLimits(host, ownerOf(attachment), hostEnd(host, attachment, prevResult), limits);
  },

  gc(network) {
    using host = NetworkStack.own();
    collectLinks(host, network, "ifb");
  },

  status: () => checkPrivileges(),
};

/** The host's end of the container's veth pair. @throws CniError when there is none. */
function hostEnd(host: NetworkStack, attachment: Attachment, { interfaces }: Result): Link {
  using container = openSandbox(attachment);
  const { ifname } = attachment;
  const end = getLink(container.route, { name: ifname });
  if (end?.info?.kind !== "veth" || end.link === undefined) {
    throw new CniError(ErrorCode.internal, `Cannot limit the rates of ${ifname}: it is no veth`, {
      details: `${ifname}: found ${end?.info?.kind ?? "no interface"}, allowed: a veth whose other end is the host's`,
    });
  }
  const peer = getLink(host.route, { index: end.link });
  const known = interfaces.some(({ name, sandbox }) => !sandbox && name === peer?.name);
  if (peer?.info?.kind === "veth" && known) return peer;
  throw new CniError(ErrorCode.internal, `Cannot limit the rates of ${ifname}: its other end is not the host's`, {
    details: `prevResult.interfaces: found no entry for the peer ${peer?.name ?? `with index ${end.link}`}`,
  });
}

/** On DEL the container may be gone, and the host's end with it. */
function findHostEnd(host: NetworkStack, attachment: Attachment): Link | undefined {
  using container = findSandbox(attachment);
  const index = container && getLink(container.route, { name: attachment.ifname })?.link;
  const peer = index === undefined ? undefined : getLink(host.route, { index });
  return peer?.info?.kind === "veth" ? peer : undefined;
}
