import { type MadeLink, makeUpperLink } from "../../src/attach/madelink.ts";
import type { NetworkStack } from "../../src/attach/stack.ts";
import { invalidConfig } from "../../src/cni/config.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import type { Attachment } from "../../src/cni/plugin.ts";
import type { Mac } from "../../src/ip/mac.ts";
import { NetlinkError } from "../../src/netlink/error.ts";
import { macvlanModes } from "../../src/rtnetlink/kinds/macvlan.ts";
import type { Link } from "../../src/rtnetlink/link.ts";
import { type MacvlanConfig, what } from "./config.ts";

/**
 * Makes a macvlan interface in the container. Disposing of it removes it.
 *
 * @param stack the one that `parent` is in.
 * @throws CniError when the name is taken, the MTU above the parent's, or the parent already in use in another way.
 */
export function createMacvlan(
  stack: NetworkStack,
  container: NetworkStack,
  parent: Link,
  attachment: Attachment,
  { mode, mtu, given: { bcqueuelen } }: MacvlanConfig,
  mac: Mac | undefined,
): MadeLink {
  if (mtu > (parent.mtu ?? 0)) {
    throw invalidConfig(what, "mtu", mtu, `an integer from 0 to ${parent.mtu}, the MTU of ${parent.name}`);
  }
  const data = { mode: macvlanModes[mode], ...(bcqueuelen && { broadcastQueueLength: bcqueuelen }) };
  const own = { ...(mac && { mac }), ...(mtu && { mtu }) };
  const link = { link: parent.index, ...own, info: { kind: "macvlan", data } } as const;
  return makeUpperLink(stack, container, attachment, link, (error) => explain(error, parent, mode));
}

/** The kernel says EINVAL where passthru is not alone on a parent, and EBUSY where a bridge or ipvlan has the parent. */
function explain(error: unknown, { name }: Link, mode: string): unknown {
  if (!(error instanceof NetlinkError)) return error;
  if (error.code === "EINVAL") {
    const reason = mode === "passthru" ? "other interfaces stand on it" : "an interface in passthru mode has it alone";
    return new CniError(ErrorCode.invalidConfig, `Cannot use ${name} as master in mode ${mode}: ${reason}`, {
      details: `mode: found "${mode}", allowed: passthru for one container alone on a master, other modes for any number`,
      cause: error,
    });
  }
  if (error.code === "EBUSY") {
    return new CniError(ErrorCode.invalidConfig, `Cannot use ${name} as master: it is in use in another way`, {
      details: `master: found "${name}", allowed: a link that is no bridge's port and that no ipvlan stands on`,
      cause: error,
    });
  }
  return error;
}
