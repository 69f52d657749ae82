import { claim, holdersOf } from "../../src/attach/claims.ts";
import { type MadeLink, makeUpperLink } from "../../src/attach/madelink.ts";
import type { NetworkStack } from "../../src/attach/stack.ts";
import { invalidConfig } from "../../src/cni/config.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import type { Attachment } from "../../src/cni/plugin.ts";
import { NetlinkError } from "../../src/netlink/error.ts";
import { macvlanModes } from "../../src/rtnetlink/kinds/macvlan.ts";
import { type Link, LinkFlag, type LinkInfo, listLinks, setLinkDown, setLinkUp } from "../../src/rtnetlink/link.ts";
import { sharedName, type VlanConfig, what } from "./config.ts";

/** What the claims on VLANs are filed under. */
export const kind = "vlans";

/** The kernel's data of a VLAN link that is the container's own. */
function vlanInfo({ vlanId: id, ingressQos, egressQos }: VlanConfig): LinkInfo & { kind: "vlan" } {
  const maps = {
    ...(ingressQos.length > 0 && { ingressQos: [...ingressQos] }),
    ...(egressQos.length > 0 && { egressQos: [...egressQos] }),
  };
  return { kind: "vlan", data: { id, ...maps } };
}

/**
 * Makes the container's interface: the VLAN's link itself, or where it is shared, a macvlan interface on that. Disposing
 * of it removes it.
 *
 * @param stack the one that `parent` is in: the master, or the shared VLAN's link.
 */
export function createVlan(
  stack: NetworkStack,
  container: NetworkStack,
  parent: Link,
  attachment: Attachment,
  config: VlanConfig,
): MadeLink {
  const { mtu, shared } = config;
  if (mtu > (parent.mtu ?? 0)) {
    throw invalidConfig(what, "mtu", mtu, `an integer from 0 to ${parent.mtu}, the MTU of ${parent.name}`);
  }
  const info: LinkInfo = shared ? { kind: "macvlan", data: { mode: macvlanModes.bridge } } : vlanInfo(config);
  const link = { link: parent.index, ...(mtu && { mtu }), info };
  return makeUpperLink(stack, container, attachment, link, (error) =>
    shared ? error : explain(error, stack, parent, config),
  );
}

/** Notes who has a VLAN of the host's, for the error that the next one gets. */
export function claimVlan(attachment: Attachment, config: VlanConfig): Disposable {
  return claim(kind, sharedName(config), attachment, "");
}

/**
 * Sets a master up that is the container's: nobody else would have yet, and a VLAN on a link that is down cannot be set up.
 *
 * @returns what takes it back.
 */
export function raiseMaster(container: NetworkStack, master: Link): Disposable {
  using undo = new DisposableStack();
  if (!(master.flags & LinkFlag.up)) {
    setLinkUp(container.route, master);
    undo.defer(() => setLinkDown(container.route, master));
  }
  return undo.move();
}

/** The kernel has one link for each VLAN of a master, in whatever namespace it is, and says EEXIST to another. */
function explain(error: unknown, stack: NetworkStack, parent: Link, config: VlanConfig): unknown {
  if (!(error instanceof NetlinkError && error.code === "EEXIST")) return error;
  const { vlanId } = config;
  const beside = listLinks(stack.route).find(
    ({ link, info }) => link === parent.index && info?.kind === "vlan" && info.data?.id === vlanId,
  );
  const holder = beside?.name ?? holdersOf(kind, sharedName(config))[0]?.name ?? "another network namespace";
  const message = `Cannot use VLAN ${vlanId} of ${parent.name}: ${holder} has it`;
  return new CniError(ErrorCode.invalidConfig, message, {
    details: `vlanId: found ${vlanId}, allowed: a VLAN that no link has, or "shared": true in the configuration of all that use it`,
    cause: error,
  });
}
