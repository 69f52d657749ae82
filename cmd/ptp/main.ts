import { announce } from "../../src/attach/announce.ts";
import { waitUntilUp } from "../../src/attach/carrier.ts";
import { collectLinks } from "../../src/attach/collect.ts";
import { chooseDns } from "../../src/attach/dns.ts";
import { collect } from "../../src/attach/firewall/collect.ts";
import { publish, withdraw } from "../../src/attach/firewall/publish.ts";
import { checkTables } from "../../src/attach/firewall/tables.ts";
import { enableForwarding } from "../../src/attach/gateway.ts";
import { describeInterface } from "../../src/attach/interface.ts";
import { leaseIfAny } from "../../src/attach/lease.ts";
import { findLimiter } from "../../src/attach/limiter.ts";
import { limitIfAny } from "../../src/attach/limits.ts";
import { ownerOf } from "../../src/attach/owner.ts";
import { checkForwarding, checkIpam, checkPrivileges } from "../../src/attach/ready.ts";
import { requestedMac } from "../../src/attach/requestedmac.ts";
import { NetworkStack, openSandbox } from "../../src/attach/stack.ts";
import { createVethPair, refuseTaken, removeVethPair } from "../../src/attach/veth.ts";
import { looseArgs } from "../../src/cni/args.ts";
import { delegateDel, delegateGc } from "../../src/cni/delegate.ts";
import type { Plugin } from "../../src/cni/plugin.ts";
import type { Result } from "../../src/cni/result.ts";
import { versions } from "../../src/cni/version.ts";
import { expectLink } from "../../src/rtnetlink/link.ts";
import { checkAttachment } from "./check.ts";
import { configure, configureForRelease, type PtpConfig } from "./config.ts";
import { publicationOf } from "./publication.ts";
import { configureContainer, prepareHost, refuseReached, routeToContainer, withLinkGateways } from "./routes.ts";

/** Connects each container to the host by a veth pair of its own, and routes between them. */
export const plugin: Plugin<PtpConfig> = {
  name: "ptp",
  versions,
  configure,
  configureForRelease,

  add(attachment, config) {
    using host = NetworkStack.own();
    using container = openSandbox(attachment);
    using undo = new DisposableStack();
    const mac = requestedMac(attachment, config.given, looseArgs(attachment.args, ["MAC"]));
    refuseTaken(container, attachment.ifname);
    const lease = withLinkGateways(undo.use(leaseIfAny(attachment, config.ipam)).result);
    refuseReached(host, attachment, lease);
    const veth = undo.use(createVethPair(host, container, attachment, { mtu: config.mtu, mac }));
    prepareHost(host, veth.host.name);
    configureContainer(container, veth.container, lease);
    const link = expectLink(host.route, { name: veth.host.name });
    routeToContainer(host, link, lease);
    const owner = ownerOf(attachment);
    const limited = undo.use(limitIfAny(host, owner, veth.host.name, config.limits)).interfaces;
    const result: Result = {
      interfaces: [veth.host, describeInterface(container, attachment, veth.container), ...limited],
      ips: lease.ips.map((ip) => ({ ...ip, interface: 1 })),
      routes: lease.routes,
      dns: chooseDns(config.given.dns, lease.dns),
    };
    undo.use(publish(owner, plugin.name, publicationOf(host, attachment, config, result)));
    waitUntilUp(host, veth.host.name);
    announce(container, veth.container.index, veth.container.mac);
    // Last, since others may rely on it as soon as it is on: a failed ADD cannot turn it off again.
    enableForwarding(host, lease);
    undo.move();
    return result;
  },

  del(attachment, { ipam }) {
    using host = NetworkStack.own();
    // Last in, first out; each is tried, whatever becomes of the others.
    using steps = new DisposableStack();
    const withdrawn = steps.use(new DisposableStack());
    if (ipam !== undefined) steps.defer(() => delegateDel(attachment, ipam));
    steps.defer(() => removeVethPair(host, attachment, findLimiter(host, ownerOf(attachment))));
    steps.defer(() => withdrawn.use(withdraw(ownerOf(attachment), plugin.name)));
  },

  check: checkAttachment,

  gc(network, { ipam }) {
    using host = NetworkStack.own();
    using steps = new DisposableStack();
    if (ipam !== undefined) steps.defer(() => delegateGc(network, ipam));
    steps.defer(() => collectLinks(host, network));
    steps.defer(() => collect(network.name, network.validAttachments));
  },

  status(network, { ipam }) {
    checkPrivileges();
    checkTables();
    if (ipam === undefined) return;
    checkForwarding();
    checkIpam(network, ipam);
  },
};
