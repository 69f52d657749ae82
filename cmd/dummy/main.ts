import { checkContainerLink, checkLayer3, mismatch, requirePrevResult } from "../../src/attach/check.ts";
import { configureInterface } from "../../src/attach/interface.ts";
import { leaseIfAny } from "../../src/attach/lease.ts";
import { makeContainerLink, removeContainerLink, resultOf } from "../../src/attach/madelink.ts";
import { checkIpam, checkPrivileges } from "../../src/attach/ready.ts";
import { withStableMac } from "../../src/attach/stablemac.ts";
import { openSandbox } from "../../src/attach/stack.ts";
import { delegateCheck, delegateDel, delegateGc } from "../../src/cni/delegate.ts";
import type { Plugin } from "../../src/cni/plugin.ts";
import { versions } from "../../src/cni/version.ts";
import { addLink, LinkFlag } from "../../src/rtnetlink/link.ts";
import { configure, configureForRelease, type DummyConfig } from "./config.ts";

/** An interface that drops what it is given, for addresses that are only to be there. It has nobody to be announced to. */
export const plugin: Plugin<DummyConfig> = {
  name: "dummy",
  versions,
  configure,
  configureForRelease,

  add(attachment, { ipam, dns }) {
    using container = openSandbox(attachment);
    using undo = new DisposableStack();
    const made = undo.use(
      makeContainerLink(container, attachment, (name) =>
        addLink(container.route, { name, info: { kind: "dummy" } }, attachment.ifname),
      ),
    );
    const { result: lease } = undo.use(leaseIfAny(attachment, ipam));
    const link = withStableMac(container, made, lease, ipam);
    configureInterface(container, link, lease);
    const result = resultOf(container, attachment, link, { lease, dns });
    undo.move();
    return result;
  },

  del(attachment, { ipam }) {
    using steps = new DisposableStack();
    if (ipam !== undefined) steps.defer(() => delegateDel(attachment, ipam));
    steps.defer(() => removeContainerLink(attachment, "dummy"));
  },

  check(attachment, { ipam }) {
    const prevResult = requirePrevResult(attachment);
    if (ipam !== undefined) delegateCheck(attachment, ipam);
    using container = openSandbox(attachment);
    const link = checkContainerLink(container, attachment, prevResult, "dummy");
    if (!(link.flags & LinkFlag.up)) throw mismatch(`state of ${link.name}`, "down", "up");
    checkLayer3(container, link, prevResult);
  },

  gc(network, { ipam }) {
    if (ipam !== undefined) delegateGc(network, ipam);
  },

  status(network, { ipam }) {
    checkPrivileges();
    if (ipam !== undefined) checkIpam(network, ipam);
  },
};
