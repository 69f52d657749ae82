import { announce } from "../../src/attach/announce.ts";
import { releaseClaims, releaseInvalidClaims } from "../../src/attach/claims.ts";
import { configureInterface } from "../../src/attach/interface.ts";
import { leaseIfAny } from "../../src/attach/lease.ts";
import { type MadeLink, removeContainerLink, resultOf } from "../../src/attach/madelink.ts";
import { checkMaster, findMaster } from "../../src/attach/master.ts";
import { ownerOf } from "../../src/attach/owner.ts";
import { claimParent, releaseInvalidParents, releaseParents } from "../../src/attach/parent.ts";
import { checkIpam, checkPrivileges } from "../../src/attach/ready.ts";
import { withStableMac } from "../../src/attach/stablemac.ts";
import { NetworkStack, openSandbox } from "../../src/attach/stack.ts";
import { refuseTaken } from "../../src/attach/veth.ts";
import { invalidConfig } from "../../src/cni/config.ts";
import { delegateDel, delegateGc } from "../../src/cni/delegate.ts";
import type { Attachment, Plugin } from "../../src/cni/plugin.ts";
import { versions } from "../../src/cni/version.ts";
import { type Link, LinkFlag } from "../../src/rtnetlink/link.ts";
import { checkAttachment } from "./check.ts";
import { configure, configureForRelease, sharedName, type VlanConfig, what } from "./config.ts";
import { claimVlan, createVlan, kind, raiseMaster } from "./link.ts";

/** A VLAN of a link as a container's interface. */
export const plugin: Plugin<VlanConfig> = {
  name: "vlan",
  versions,
  configure,
  configureForRelease,

  add(attachment, config) {
    using host = NetworkStack.own();
    using container = openSandbox(attachment);
    using undo = new DisposableStack();
    // Before there is anything to undo, which the attachment that has the name may be using.
    refuseTaken(container, attachment.ifname);
    const made = undo.use(makeLink(host, container, attachment, config));
    const { result: lease } = undo.use(leaseIfAny(attachment, config.ipam));
    // The VLAN's own link has its master's MAC, which a switch may insist on.
    const link = config.shared ? withStableMac(container, made, lease, config.ipam) : made;
    configureInterface(container, link, lease);
    announce(container, link.index, link.mac);
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
    steps.defer(() => removeContainerLink(attachment, "vlan", "macvlan"));
  },

  check: checkAttachment,

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
    if (!linkInContainer) checkMaster(host, master);
    if (ipam !== undefined) checkIpam(network, ipam);
  },
};

/** The container's link, with what it stands on; disposing of it takes back both. */
function makeLink(host: NetworkStack, container: NetworkStack, attachment: Attachment, config: VlanConfig): MadeLink {
  const { master: name, linkInContainer, shared } = config;
  const stack = linkInContainer ? container : host;
  using undo = new DisposableStack();
  const master = findMaster(stack, name);
  const parent = shared ? undo.use(claimParent(host, sharedName(config), attachment, what)).link : master;
  if (linkInContainer) undo.use(raiseMaster(container, master));
  else requireUp(master);
  const link = undo.use(createVlan(stack, container, parent, attachment, config));
  if (!shared && !linkInContainer) undo.use(claimVlan(attachment, config));
  const made = undo.move();
  return { ...link, [Symbol.dispose]: () => made.dispose() };
}

function requireUp({ name, flags }: Link): void {
  if (!(flags & LinkFlag.up)) throw invalidConfig(what, "master", `${name}, which is down`, "a link that is up");
}
