import { announce } from "../../src/attach/announce.ts";
import {
  checkAddresses,
  checkLink,
  checkRoutes,
  containerInterface,
  mismatch,
  requirePrevResult,
} from "../../src/attach/check.ts";
import { chooseDns } from "../../src/attach/dns.ts";
import { findHostPaths, grantHostAccess } from "../../src/attach/hostaccess.ts";
import { configureInterface } from "../../src/attach/interface.ts";
import { ownerOf } from "../../src/attach/owner.ts";
import {
  claimParent,
  noteHostAccess,
  parentToMake,
  releaseInvalidParents,
  releaseParents,
} from "../../src/attach/parent.ts";
import { checkPrivileges, notAvailable } from "../../src/attach/ready.ts";
import { requestedMac } from "../../src/attach/requestedmac.ts";
import { findSandbox, NetworkStack, openSandbox } from "../../src/attach/stack.ts";
import { findDefaultLink } from "../../src/attach/uplink.ts";
import {
  delegateCheck,
  delegateDel,
  delegateGc,
  delegateStatus,
  type Lease,
  leaseAddresses,
} from "../../src/cni/delegate.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import type { Attachment, Plugin } from "../../src/cni/plugin.ts";
import { type DNS, emptyResult, type Result } from "../../src/cni/result.ts";
import { versions } from "../../src/cni/version.ts";
import { macForAddress } from "../../src/ip/mac.ts";
import { macvlanModes } from "../../src/rtnetlink/kinds/macvlan.ts";
import { deleteLink, getLink, type Link, LinkFlag, setLinkUp } from "../../src/rtnetlink/link.ts";
import { loadConfig, loadForRelease, type MacvlanConfig, what } from "./config.ts";
import { createMacvlan, type Macvlan } from "./link.ts";

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
    const stack = config.linkInContainer ? container : host;
    const master = requireMaster(stack, config);
    const parent = config.linkInContainer
      ? findLink(stack, master)
      : undo.use(claimParent(host, master, attachment, what)).link;
    const asked = requestedMac(attachment, config.given);
    const lease = undo.use(leaseOf(attachment, config));
    const first = lease.result.ips[0]?.address.address;
    const mac = asked ?? (first && macForAddress(first));
    const link = undo.use(createMacvlan(stack, container, parent, attachment, config, mac));
    if (lease.result.ips.length === 0) setLinkUp(container.route, link);
    else configureInterface(container, link, lease.result);
    if (config.hostAccess) giveHostAccess(host, parent, attachment, config, lease.result);
    announce(container, link.index, link.mac);
    undo.move();
    return resultOf(attachment, link, lease.result, config.given.dns);
  },

  del(attachment, { ipam }) {
    using host = NetworkStack.own();
    using release = new DisposableStack();
    // Registered in reverse: each is tried, whatever becomes of the others.
    if (ipam !== undefined) release.defer(() => delegateDel(attachment, ipam));
    release.defer(() => releaseParents(host, ownerOf(attachment)));
    release.defer(() => removeMacvlan(attachment));
  },

  check(attachment, config) {
    if (config.ipam !== undefined) delegateCheck(attachment, config.ipam);
    const prevResult = requirePrevResult(attachment);
    using host = NetworkStack.own();
    using container = openSandbox(attachment);
    const stack = config.linkInContainer ? container : host;
    const parent = findLink(stack, requireMaster(stack, config));
    const link = checkLink(container, containerInterface(prevResult, attachment), "macvlan");
    if (link.link !== parent.index) throw mismatch(`master of ${link.name}`, link.link, parent.index);
    const mode = link.info?.kind === "macvlan" ? link.info.data?.mode : undefined;
    if (mode !== macvlanModes[config.mode]) throw mismatch(`mode of ${link.name}`, mode, macvlanModes[config.mode]);
    checkAddresses(container, link, prevResult);
    checkRoutes(container, prevResult);
  },

  gc(network, { ipam }) {
    using host = NetworkStack.own();
    using release = new DisposableStack();
    if (ipam !== undefined) release.defer(() => delegateGc(network, ipam));
    release.defer(() => releaseInvalidParents(host, network));
  },

  status(network, config) {
    checkPrivileges();
    if (!config.linkInContainer) checkMaster(config);
    if (config.ipam !== undefined) delegateStatus(network, config.ipam);
  },
};

function leaseOf(attachment: Attachment, { ipam, internal }: MacvlanConfig): Lease {
  if (ipam === undefined) return { result: emptyResult(), [Symbol.dispose]: () => {} };
  const lease = leaseAddresses(attachment, ipam);
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

function resultOf(attachment: Attachment, link: Macvlan, lease: Result, dns: DNS = {}): Result {
  const { netns: sandbox = "" } = attachment;
  return {
    interfaces: [{ name: link.name, mac: link.mac, ...(link.mtu && { mtu: link.mtu }), sandbox }],
    ips: lease.ips.map((ip) => ({ ...ip, interface: 0 })),
    routes: lease.routes,
    dns: chooseDns(dns, lease.dns),
  };
}

function removeMacvlan(attachment: Attachment): void {
  using container = findSandbox(attachment);
  if (container === undefined) return;
  const link = getLink(container.route, { name: attachment.ifname });
  if (link?.info?.kind === "macvlan") deleteLink(container.route, link);
}

function requireMaster(stack: NetworkStack, { master, linkInContainer }: MacvlanConfig): string {
  if (master !== undefined) return master;
  const index = findDefaultLink(stack.route);
  const link = index === undefined ? undefined : getLink(stack.route, { index });
  if (link !== undefined) return link.name;
  throw new CniError(ErrorCode.invalidConfig, "Cannot choose a master: no default route interface found", {
    details: `master: found nothing, and no default route in the ${linkInContainer ? "container" : "host"}, allowed: the name of a link`,
  });
}

function findLink(stack: NetworkStack, name: string): Link {
  const link = getLink(stack.route, { name });
  if (link !== undefined) return link;
  throw new CniError(ErrorCode.invalidConfig, `Cannot use ${name} as master: there is no such link`, {
    details: `master: found ${JSON.stringify(name)}, allowed: the name of a link`,
  });
}

/** @throws CniError (notAvailable). */
function checkMaster(config: MacvlanConfig): void {
  using host = NetworkStack.own();
  if (config.master === undefined && findDefaultLink(host.route) === undefined) {
    throw notAvailable("there is no master", "master: found nothing, and no default route");
  }
  const master = requireMaster(host, config);
  const link = getLink(host.route, { name: master });
  if (link === undefined && parentToMake(host, master, what) === undefined) {
    throw notAvailable(`there is no master ${master}`, `master: found ${JSON.stringify(master)}`);
  }
  if (link && !(link.flags & LinkFlag.up)) throw notAvailable(`the master ${master} is down`);
}
