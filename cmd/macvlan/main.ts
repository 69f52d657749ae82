import { announce } from "../../src/attach/announce.ts";
import { checkContainerLink, checkLayer3, mismatch, requirePrevResult } from "../../src/attach/check.ts";
import { findHostPaths, grantHostAccess } from "../../src/attach/hostaccess.ts";
import { configureInterface } from "../../src/attach/interface.ts";
import { leaseIfAny } from "../../src/attach/lease.ts";
import { removeContainerLink, resultOf } from "../../src/attach/madelink.ts";
import { checkMaster, findMaster, masterName } from "../../src/attach/master.ts";
import { ownerOf } from "../../src/attach/owner.ts";
import {
  claimParent,
  noteHostAccess,
  parentToMake,
  releaseInvalidParents,
  releaseParents,
} from "../../src/attach/parent.ts";
import { checkIpam, checkPrivileges } from "../../src/attach/ready.ts";
import { requestedMac } from "../../src/attach/requestedmac.ts";
import { withStableMac } from "../../src/attach/stablemac.ts";
import { NetworkStack, openSandbox } from "../../src/attach/stack.ts";
import { refuseTaken } from "../../src/attach/veth.ts";
import { delegateCheck, delegateDel, delegateGc, type Lease } from "../../src/cni/delegate.ts";
import type { Attachment, Plugin } from "../../src/cni/plugin.ts";
import type { Result } from "../../src/cni/result.ts";
import { versions } from "../../src/cni/version.ts";
import { macvlanModes } from "../../src/rtnetlink/kinds/macvlan.ts";
import type { Link } from "../../src/rtnetlink/link.ts";
import { loadConfig, loadForRelease, type MacvlanConfig, what } from "./config.ts";
import { createMacvlan } from "./link.ts";

/** Docker's macvlan driver: the container has an interface of its own on the segment of a link of the host. */
export const plugin: Plugin<MacvlanConfig> = {
  name: "macvlan",
  versions,
  configure: loadConfig,
  configureForRelease: loadForRelease,

  add(attachment, config) {
    using host = NetworkStack.own();
    using container = openSandbox(attachment);
    using undo = new DisposableStack();
    // Before there is anything to undo, which the attachment that has the name may be using.
    refuseTaken(container, attachment.ifname);
    const stack = config.linkInContainer ? container : host;
    const master = masterName(stack, config.master, config.linkInContainer ? "container" : "host");
    const parent = config.linkInContainer
      ? findMaster(stack, master)
      : undo.use(claimParent(host, master, attachment, what)).link;
    const asked = requestedMac(attachment, config.given);
    // Before the addresses are asked for: a DHCP client needs the link.
    const made = undo.use(createMacvlan(stack, container, parent, attachment, config, asked));
    const lease = undo.use(leaseOf(attachment, config));
    const link = asked === undefined ? withStableMac(container, made, lease.result, config.ipam) : made;
    configureInterface(container, link, lease.result);
    if (config.hostAccess) giveHostAccess(host, parent, attachment, config, lease.result);
    announce(container, link.index, link.mac);
    const result = resultOf(container, attachment, link, { lease: lease.result, dns: config.given.dns });
    undo.move();
    return result;
  },

  del(attachment, { ipam }) {
    using host = NetworkStack.own();
    using release = new DisposableStack();
    // Registered in reverse: each is tried, whatever becomes of the others.
    if (ipam !== undefined) release.defer(() => delegateDel(attachment, ipam));
    release.defer(() => releaseParents(host, ownerOf(attachment)));
    release.defer(() => removeContainerLink(attachment, "macvlan"));
  },

  check(attachment, config) {
    if (config.ipam !== undefined) delegateCheck(attachment, config.ipam);
    const prevResult = requirePrevResult(attachment);
    using host = NetworkStack.own();
    using container = openSandbox(attachment);
    const stack = config.linkInContainer ? container : host;
    const where = config.linkInContainer ? "container" : "host";
    const parent = findMaster(stack, masterName(stack, config.master, where));
    const link = checkContainerLink(container, attachment, prevResult, "macvlan");
    if (link.link !== parent.index) throw mismatch(`master of ${link.name}`, link.link, parent.index);
    const mode = link.info?.kind === "macvlan" ? link.info.data?.mode : undefined;
    if (mode !== macvlanModes[config.mode]) throw mismatch(`mode of ${link.name}`, mode, macvlanModes[config.mode]);
    checkLayer3(container, link, prevResult);
  },

  gc(network, { ipam }) {
    using host = NetworkStack.own();
    using release = new DisposableStack();
    if (ipam !== undefined) release.defer(() => delegateGc(network, ipam));
    release.defer(() => releaseInvalidParents(host, network));
  },

  status(network, config) {
    checkPrivileges();
    using host = NetworkStack.own();
    const canMake = (name: string) => parentToMake(host, name, what) !== undefined;
    if (!config.linkInContainer) checkMaster(host, config.master, canMake);
    if (config.ipam !== undefined) checkIpam(network, config.ipam);
  },
};

function leaseOf(attachment: Attachment, { ipam, internal }: MacvlanConfig): Lease {
  const lease = leaseIfAny(attachment, ipam);
  return internal ? { result: withoutWayOut(lease.result), [Symbol.dispose]: () => lease[Symbol.dispose]() } : lease;
}

/** What is left of a lease for a network that nothing leaves: its subnets. */
function withoutWayOut({ ips, routes, ...rest }: Result): Result {
  const inside = routes.filter(({ dst, gw }) => !dst.isDefault && gw === undefined);
  return { ...rest, ips: ips.map(({ gateway: _, ...ip }) => ip), routes: inside };
}

function giveHostAccess(
  host: NetworkStack,
  parent: Link,
  attachment: Attachment,
  { hostAddresses }: MacvlanConfig,
  { ips }: Result,
): void {
  const containers = ips.map(({ address }) => address);
  const paths = findHostPaths(host, parent, containers, hostAddresses);
  const addresses = paths.map(({ container }) => container.toString());
  noteHostAccess(parent.name, attachment, addresses, () => grantHostAccess(host, parent, paths));
}
