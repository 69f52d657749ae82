import { checkContainerLink, checkLayer3, mismatch, requirePrevResult } from "../../src/attach/check.ts";
import { releaseClaims, releaseInvalidClaims } from "../../src/attach/claims.ts";
import { configureInterface } from "../../src/attach/interface.ts";
import { leaseIfAny } from "../../src/attach/lease.ts";
import { removeContainerLink, resultOf } from "../../src/attach/madelink.ts";
import { checkMaster, findMaster, masterName } from "../../src/attach/master.ts";
import { ownerOf } from "../../src/attach/owner.ts";
import { claimParent, parentToMake, releaseInvalidParents, releaseParents } from "../../src/attach/parent.ts";
import { checkIpam, checkPrivileges } from "../../src/attach/ready.ts";
import { NetworkStack, openSandbox } from "../../src/attach/stack.ts";
import { refuseTaken } from "../../src/attach/veth.ts";
import { delegateCheck, delegateDel, delegateGc } from "../../src/cni/delegate.ts";
import type { Attachment, Plugin } from "../../src/cni/plugin.ts";
import type { Result } from "../../src/cni/result.ts";
import { versions } from "../../src/cni/version.ts";
import { ipvlanFlags, ipvlanModes } from "../../src/rtnetlink/kinds/ipvlan.ts";
import type { Link } from "../../src/rtnetlink/link.ts";
import { chainedMaster, configure, configureForRelease, type IpvlanConfig, what } from "./config.ts";
import { claimMode, createIpvlan, kind } from "./link.ts";

/** Docker's ipvlan driver: the container has addresses of its own at the MAC of a link of the host. */
export const plugin: Plugin<IpvlanConfig> = {
  name: "ipvlan",
  versions,
  configure,
  configureForRelease,

  add(attachment, config) {
    using host = NetworkStack.own();
    using container = openSandbox(attachment);
    using undo = new DisposableStack();
    // Before there is anything to undo, which the attachment that has the name may be using.
    refuseTaken(container, attachment.ifname);
    const stack = config.linkInContainer ? container : host;
    const given = config.master ?? chainedMaster(attachment, config);
    const master = masterName(stack, given, config.linkInContainer ? "container" : "host");
    const parent = config.linkInContainer
      ? findMaster(stack, master)
      : undo.use(claimParent(host, master, attachment, what)).link;
    if (!config.linkInContainer) undo.use(claimMode(parent, attachment, config));
    const link = undo.use(createIpvlan(stack, container, parent, attachment, config));
    const lease = chainedLease(attachment, config) ?? undo.use(leaseIfAny(attachment, config.ipam)).result;
    // Its MAC cannot be set, by which others are announced; but it has carrier at once, and so announces its addresses
    // when it is set up (NETDEV_UP in net/ipv4/devinet.c and net/ipv6/ndisc.c).
    configureInterface(container, link, lease);
    const result = resultOf(container, attachment, link, { lease, dns: config.dns });
    undo.move();
    return result;
  },

  del(attachment, { ipam }) {
    using host = NetworkStack.own();
    using steps = new DisposableStack();
    // Last in, first out; each is tried, whatever becomes of the others.
    if (ipam !== undefined) steps.defer(() => delegateDel(attachment, ipam));
    steps.defer(() => releaseParents(host, ownerOf(attachment)));
    steps.defer(() => releaseClaims(kind, ownerOf(attachment)));
    steps.defer(() => removeContainerLink(attachment, kind));
  },

  check(attachment, config) {
    const prevResult = requirePrevResult(attachment);
    if (config.ipam !== undefined) delegateCheck(attachment, config.ipam);
    using host = NetworkStack.own();
    using container = openSandbox(attachment);
    const link = checkContainerLink(container, attachment, prevResult, "ipvlan");
    // A master that is not named in the configuration is one that ADD found: another may have the default route by now.
    if (config.master !== undefined) checkParent(link, config.linkInContainer ? container : host, config.master);
    const { mode, flags = 0 } = (link.info?.kind === "ipvlan" && link.info.data) || {};
    if (mode !== ipvlanModes[config.mode]) throw mismatch(`mode of ${link.name}`, mode, ipvlanModes[config.mode]);
    if (flags !== ipvlanFlags[config.flag]) throw mismatch(`flag of ${link.name}`, flags, ipvlanFlags[config.flag]);
    checkLayer3(container, link, prevResult);
  },

  gc(network, { ipam }) {
    using host = NetworkStack.own();
    using steps = new DisposableStack();
    if (ipam !== undefined) steps.defer(() => delegateGc(network, ipam));
    steps.defer(() => releaseInvalidParents(host, network));
    steps.defer(() => releaseInvalidClaims(kind, network));
  },

  status(network, { master, linkInContainer, ipam }) {
    checkPrivileges();
    using host = NetworkStack.own();
    // In a chain the master is what the plugin before it will have made.
    if (!linkInContainer && master !== undefined) {
      checkMaster(host, master, (name) => parentToMake(host, name, what) !== undefined);
    }
    if (ipam !== undefined) checkIpam(network, ipam);
  },
};

/** In a chain without IPAM of its own: the addresses that the plugin before gave. */
function chainedLease({ prevResult }: Attachment, { ipam }: IpvlanConfig): Result | undefined {
  return ipam === undefined && prevResult?.ips.length ? prevResult : undefined;
}

function checkParent(link: Link, stack: NetworkStack, master: string): void {
  const parent = findMaster(stack, master);
  if (link.link !== parent.index) throw mismatch(`master of ${link.name}`, link.link, parent.index);
}
