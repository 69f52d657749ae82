import { claim } from "../../src/attach/claims.ts";
import { type MadeLink, makeUpperLink } from "../../src/attach/madelink.ts";
import type { NetworkStack } from "../../src/attach/stack.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import type { Attachment } from "../../src/cni/plugin.ts";
import { NetlinkError } from "../../src/netlink/error.ts";
import { ipvlanFlags, ipvlanModes } from "../../src/rtnetlink/kinds/ipvlan.ts";
import type { Link } from "../../src/rtnetlink/link.ts";
import type { IpvlanConfig } from "./config.ts";

export const kind = "ipvlan";

/**
 * Makes an ipvlan interface in the container. Disposing of it removes it.
 *
 * @param stack the one that `parent` is in.
 */
export function createIpvlan(
  stack: NetworkStack,
  container: NetworkStack,
  parent: Link,
  attachment: Attachment,
  { mode, flag, mtu }: IpvlanConfig,
): MadeLink {
  const data = { mode: ipvlanModes[mode], flags: ipvlanFlags[flag] };
  const link = { link: parent.index, ...(mtu && { mtu }), info: { kind, data } } as const;
  return makeUpperLink(stack, container, attachment, link, (error) => explain(error, parent));
}

/**
 * Claims a mode and flag of a master of the host. All interfaces on one have the same: the kernel gives the last one's to
 * all of them (ipvlan_link_new in drivers/net/ipvlan/ipvlan_main.c), which would cut off the others.
 *
 * @throws CniError when a container that is still there has another.
 */
export function claimMode({ name }: Link, attachment: Attachment, { mode, flag }: IpvlanConfig): Disposable {
  const wanted = `mode ${mode}, flag ${flag}`;
  return claim(kind, name, attachment, wanted, (others) => {
    const other = others.find((holder) => holder.wanted !== wanted);
    if (other === undefined) return;
    throw new CniError(ErrorCode.invalidConfig, `Cannot use ${name} in ${wanted}: all interfaces on it have one mode`, {
      details: `mode, flag: found ${wanted}, allowed: ${other.wanted}, which ${other.name} has`,
    });
  });
}

/** The kernel says EBUSY where a bridge or macvlan has the master. */
function explain(error: unknown, { name }: Link): unknown {
  if (!(error instanceof NetlinkError && error.code === "EBUSY")) return error;
  return new CniError(ErrorCode.invalidConfig, `Cannot use ${name} as master: it is in use in another way`, {
    details: `master: found "${name}", allowed: a link that is no bridge's port and that no macvlan stands on`,
    cause: error,
  });
}
