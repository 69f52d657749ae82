import { openSandbox } from "../../src/attach/stack.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import type { Plugin } from "../../src/cni/plugin.ts";
import { emptyResult } from "../../src/cni/result.ts";
import { versionsFrom } from "../../src/cni/version.ts";
import { getLink, LinkFlag, setLinkUp } from "../../src/rtnetlink/link.ts";
import { loadConfig } from "./config.ts";
import type { NoneConfig } from "./schema.ts";

/** Docker's none driver: a namespace of its own with nothing but `lo`. No IPAM plugin is ever called. */
export const plugin: Plugin<NoneConfig> = {
  name: "none",
  // Results before 0.3.0 hold nothing but addresses: they cannot say that there are none.
  versions: versionsFrom("0.3.0"),
  configure: loadConfig,
  configureForRelease: () => ({}),

  add(attachment, { dns = {}, runtimeConfig }) {
    if (runtimeConfig?.portMappings?.length) {
      attachment.network.warn("none: published ports are ignored: the container has no network");
    }
    using sandbox = openSandbox(attachment);
    setLinkUp(sandbox.route, { name: "lo" });
    if (attachment.prevResult !== undefined) return attachment.prevResult;
    const { mac } = getLink(sandbox.route, { name: "lo" }) ?? {};
    const lo = { name: "lo", ...(mac && { mac }), ...(attachment.netns && { sandbox: attachment.netns }) };
    return { ...emptyResult(), interfaces: [lo], dns };
  },

  // Another attachment may share the namespace, so `lo` stays as it is; the rest goes with the namespace.
  del() {},

  check(attachment) {
    using sandbox = openSandbox(attachment);
    const { flags = 0 } = getLink(sandbox.route, { name: "lo" }) ?? {};
    if (flags & LinkFlag.up) return;
    throw new CniError(ErrorCode.internal, `Cannot find lo up in ${attachment.netns}: it is down`);
  },

  gc() {},
  status() {},
};
