import { type MadeLink, makeContainerLink } from "../../src/attach/madelink.ts";
import type { NetworkStack } from "../../src/attach/stack.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import type { Attachment } from "../../src/cni/plugin.ts";
import type { Mac } from "../../src/ip/mac.ts";
import { createTap, type Tap } from "../../src/linux/tap.ts";
import { deleteLink, getLink, type Link, setLink } from "../../src/rtnetlink/link.ts";
import type { TapConfig } from "./config.ts";
import { createLabelled } from "./selinux.ts";

/** Makes the device in the container, with all that it is to have. Disposing of it removes it. */
export function createDevice(
  container: NetworkStack,
  attachment: Attachment,
  config: TapConfig,
  mac: Mac | undefined,
): MadeLink {
  const { mtu, bridge } = config;
  const master = bridge ? findBridge(container, bridge).index : undefined;
  const made = makeContainerLink(container, attachment, (name) => {
    const { multiQueue = false, owner, group, selinuxContext } = config;
    const tap: Tap = { name, multiQueue, owner, group };
    using undo = new DisposableStack();
    container.namespace.run(() => (selinuxContext ? createLabelled(tap, selinuxContext) : createTap(tap)));
    undo.defer(() => deleteLink(container.route, { name }));
    const settings = { ...(mac && { mac }), ...(mtu && { mtu }), ...(master && { master }) };
    if (Object.keys(settings).length > 0) setLink(container.route, `set up ${name}`, { name, ...settings });
    undo.move();
  });
  return made;
}

/** @throws CniError (invalidConfig) unless the container has a bridge of that name. */
export function findBridge(container: NetworkStack, name: string): Link {
  const link = getLink(container.route, { name });
  if (link?.info?.kind === "bridge") return link;
  const found = link === undefined ? "no link" : `a link of kind ${link.info?.kind ?? "ether"}`;
  throw new CniError(ErrorCode.invalidConfig, `Cannot use ${name} as bridge: there is ${found} of that name`, {
    details: `bridge: found "${name}", ${found} in the container, allowed: the name of a bridge there`,
  });
}
