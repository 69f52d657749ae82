import { announce } from "../../src/attach/announce.ts";
import { checkContainerLink, checkLayer3, mismatch, requirePrevResult } from "../../src/attach/check.ts";
import { configureInterface } from "../../src/attach/interface.ts";
import { leaseIfAny } from "../../src/attach/lease.ts";
import { removeContainerLink, resultOf } from "../../src/attach/madelink.ts";
import { checkIpam, checkPrivileges, notAvailable } from "../../src/attach/ready.ts";
import { requestedMac } from "../../src/attach/requestedmac.ts";
import { withStableMac } from "../../src/attach/stablemac.ts";
import { openSandbox } from "../../src/attach/stack.ts";
import { delegateCheck, delegateDel, delegateGc } from "../../src/cni/delegate.ts";
import type { Plugin } from "../../src/cni/plugin.ts";
import { versions } from "../../src/cni/version.ts";
import { checkTaps } from "../../src/linux/tap.ts";
import { LinkFlag } from "../../src/rtnetlink/link.ts";
import { configure, configureForRelease, type TapConfig } from "./config.ts";
import { createDevice, findBridge } from "./device.ts";

export { create } from "./selinux.ts";

/** A tap device in the container, whose other end is a process: a virtual machine's, mostly. */
export const plugin: Plugin<TapConfig> = {
  name: "tap",
  versions,
  configure,
  configureForRelease,

  add(attachment, config) {
    using container = openSandbox(attachment);
    using undo = new DisposableStack();
    const mac = requestedMac(attachment, config);
    const device = undo.use(createDevice(container, attachment, config, mac));
    const { result: lease } = undo.use(leaseIfAny(attachment, config.ipamType));
    const link = mac === undefined ? withStableMac(container, device, lease, config.ipamType) : device;
    configureInterface(container, link, lease);
    announce(container, link.index, link.mac);
    const result = resultOf(container, attachment, link, { lease, dns: config.dns });
    undo.move();
    return result;
  },

  del(attachment, { ipamType }) {
    using steps = new DisposableStack();
    if (ipamType !== undefined) steps.defer(() => delegateDel(attachment, ipamType));
    steps.defer(() => removeContainerLink(attachment, "tun"));
  },

  check(attachment, { ipamType, mtu, bridge, multiQueue = false, owner, group }) {
    const prevResult = requirePrevResult(attachment);
    if (ipamType !== undefined) delegateCheck(attachment, ipamType);
    using container = openSandbox(attachment);
    const link = checkContainerLink(container, attachment, prevResult, "tun");
    const { name, flags, info } = link;
    if (!(flags & LinkFlag.up)) throw mismatch(`state of ${name}`, "down", "up");
    if (mtu && link.mtu !== mtu) throw mismatch(`MTU of ${name}`, link.mtu, mtu);
    if (bridge && link.master !== findBridge(container, bridge).index) {
      throw mismatch(`bridge of ${name}`, link.master, bridge);
    }
    const data = (info?.kind === "tun" && info.data) || {};
    const wanted = { multiQueue, owner, group };
    for (const key of ["multiQueue", "owner", "group"] as const) {
      if (data[key] !== wanted[key]) throw mismatch(`${key} of ${name}`, data[key], wanted[key] ?? "nothing");
    }
    checkLayer3(container, link, prevResult);
  },

  gc(network, { ipamType }) {
    if (ipamType !== undefined) delegateGc(network, ipamType);
  },

  status(network, { ipamType }) {
    checkPrivileges();
    try {
      checkTaps();
    } catch (error) {
      throw notAvailable("the kernel makes no tap devices", undefined, error);
    }
    if (ipamType !== undefined) checkIpam(network, ipamType);
  },
};
