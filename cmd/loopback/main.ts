import { validate } from "../../build/generated/loopback.js";
import { mismatch } from "../../src/attach/check.ts";
import { checkPrivileges } from "../../src/attach/ready.ts";
import { findSandbox, type NetworkStack, openSandbox } from "../../src/attach/stack.ts";
import { decodeConfig } from "../../src/cni/config.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import type { Attachment, Plugin } from "../../src/cni/plugin.ts";
import type { Result } from "../../src/cni/result.ts";
import { versions } from "../../src/cni/version.ts";
import { listAddresses } from "../../src/rtnetlink/address.ts";
import { getLink, type Link, LinkFlag, setLinkDown, setLinkUp } from "../../src/rtnetlink/link.ts";
import { type LoopbackConfig, schema } from "./schema.ts";

/** Sets up a container's loopback link, whatever CNI_IFNAME says: containerd has this done for each pod. */
export const plugin: Plugin<LoopbackConfig> = {
  name: "loopback",
  versions,

  configure: ({ raw }) => decodeConfig(schema, validate, raw, "loopback configuration"),

  add(attachment) {
    using container = openSandbox(attachment);
    const lo = findLoopback(container);
    using undo = new DisposableStack();
    if (!(lo.flags & LinkFlag.up)) undo.defer(() => setLinkDown(container.route, lo));
    setLinkUp(container.route, lo);
    const result = attachment.prevResult ?? describe(container, lo, attachment);
    undo.move();
    return result;
  },

  del(attachment) {
    using container = findSandbox(attachment);
    if (container !== undefined) setLinkDown(container.route, findLoopback(container));
  },

  check(attachment) {
    using container = openSandbox(attachment);
    const { flags } = findLoopback(container);
    if (!(flags & LinkFlag.up)) throw mismatch("loopback interface", "down", "up");
  },

  // A loopback link goes with its namespace: nothing is left to collect.
  gc() {},
  status: checkPrivileges,
};

function findLoopback(container: NetworkStack): Link {
  const lo = getLink(container.route, { name: "lo" });
  if (lo === undefined) throw new Error("Cannot find lo in the container");
  return lo;
}

/** The first address of each family; none may be other than a loopback address. */
function describe(container: NetworkStack, lo: Link, { netns = "" }: Attachment): Result {
  const prefixes = listAddresses(container.route, lo.index).map(({ prefix }) => prefix);
  const first = ([4, 6] as const).flatMap((family) => prefixes.find((prefix) => prefix.family === family) ?? []);
  const foreign = prefixes.find(({ address }) => !address.isLoopback);
  if (foreign !== undefined) {
    throw new CniError(ErrorCode.internal, `loopback interface found with non-loopback address "${foreign}"`, {
      details: `lo: found ${foreign}, allowed: addresses in 127.0.0.0/8 and ::1`,
    });
  }
  return {
    interfaces: [{ name: "lo", mac: "00:00:00:00:00:00", sandbox: netns }],
    ips: first.map((address) => ({ address, interface: 0 })),
    routes: [],
    dns: {},
  };
}
