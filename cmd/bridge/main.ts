import { announce } from "../../src/attach/announce.ts";
import { claimBridge, ensureBridge, removeUnusedBridge } from "../../src/attach/bridge.ts";
import { waitUntilUp } from "../../src/attach/carrier.ts";
import { collectLinks } from "../../src/attach/collect.ts";
import { chooseDns } from "../../src/attach/dns.ts";
import { collect } from "../../src/attach/firewall/collect.ts";
import { publish, withdraw } from "../../src/attach/firewall/publish.ts";
import { checkTables } from "../../src/attach/firewall/tables.ts";
import { enableForwarding, ensureGatewayAddresses, withDefaultRoutes, withGateways } from "../../src/attach/gateway.ts";
import { configureInterface, describeInterface } from "../../src/attach/interface.ts";
import { leaseIfAny } from "../../src/attach/lease.ts";
import { findLimiter } from "../../src/attach/limiter.ts";
import { limitIfAny } from "../../src/attach/limits.ts";
import { ownerOf } from "../../src/attach/owner.ts";
import { checkForwarding, checkIpam, checkPrivileges, notAvailable } from "../../src/attach/ready.ts";
import { requestedMac } from "../../src/attach/requestedmac.ts";
import { withStableMac } from "../../src/attach/stablemac.ts";
import { NetworkStack, openSandbox } from "../../src/attach/stack.ts";
import { createVethPair, refuseTaken, removeVethPair } from "../../src/attach/veth.ts";
import { delegateDel, delegateGc } from "../../src/cni/delegate.ts";
import type { Plugin } from "../../src/cni/plugin.ts";
import type { Result } from "../../src/cni/result.ts";
import { versions } from "../../src/cni/version.ts";
import { expectLink, getLink, type Link, listLinks } from "../../src/rtnetlink/link.ts";
import { deleteNeighbour } from "../../src/rtnetlink/neighbour.ts";
import { checkAttachment } from "./check.ts";
import { type BridgeConfig, configure, configureForRelease } from "./config.ts";
import { publicationOf } from "./publication.ts";
import {
  ensureGatewayLink,
  isGatewayPort,
  removeUnusedGatewayLink,
  setPortVlans,
  usesVlans,
  wantedVlans,
} from "./vlan.ts";

/** Connects containers to a Linux bridge, each by a veth pair: Docker's `bridge` driver. */
export const plugin: Plugin<BridgeConfig> = {
  name: "bridge",
  versions,
  configure,
  configureForRelease,

  add(attachment, config) {
    using host = NetworkStack.own();
    using container = openSandbox(attachment);
    using undo = new DisposableStack();
    using _claim = claimBridge(config.bridge);
    const mac = requestedMac(attachment, config);
    refuseTaken(container, attachment.ifname);
    undo.defer(() => tidyBridge(host, config));
    const link = undo.use(ensureBridge(host, bridgeOptions(config)));

    const veth = undo.use(
      createVethPair(host, container, attachment, {
        mtu: config.mtu,
        mac,
        bridge: link.index,
        port: config.port,
      }),
    );
    if (usesVlans(config)) setPortVlans(host, expectLink(host.route, { name: veth.host.name }), wantedVlans(config));
    const limited = undo.use(limitIfAny(host, ownerOf(attachment), veth.host.name, config.limits)).interfaces;

    const lease = completeLease(undo.use(leaseIfAny(attachment, config.ipamType)).result, config);
    const end = mac === undefined ? withStableMac(container, veth.container, lease, config.ipamType) : veth.container;
    if (!config.disableContainerInterface) configureInterface(container, end, lease, config.enabledad);

    const gateway = gatewayOf(host, link, lease, config);
    for (const { address } of lease.ips) {
      deleteNeighbour(host.route, { link: gateway.index, destination: address.address });
    }
    if (config.isGateway) {
      const addresses = ensureGatewayAddresses(host, gateway, lease, config.forceAddress ?? false);
      undo.defer(() => isOnlyPort(host, link, veth.host.name) && addresses[Symbol.dispose]());
    }
    const result: Result = {
      interfaces: [
        { name: link.name, mac: link.mac },
        veth.host,
        describeInterface(container, attachment, end),
        ...(gateway === link ? [] : [{ name: gateway.name, ...(gateway.mac && { mac: gateway.mac }) }]),
        ...limited,
      ],
      ips: lease.ips.map((ip) => ({ ...ip, interface: 2 })),
      routes: lease.routes,
      dns: chooseDns(config.dns, lease.dns),
    };
    undo.use(publish(ownerOf(attachment), plugin.name, publicationOf(host, attachment, config, result)));
    if (!config.disableContainerInterface) waitUntilUp(host, veth.host.name);
    if (lease.ips.length > 0) announce(container, end.index, end.mac);
    // Last, since others may rely on it as soon as it is on: a failed ADD cannot turn it off again.
    if (config.isGateway) enableForwarding(host, lease);

    undo.move();
    return result;
  },

  del(attachment, config) {
    using host = NetworkStack.own();
    // Last in, first out; each is tried, whatever becomes of the others.
    using steps = new DisposableStack();
    const withdrawn = steps.use(new DisposableStack());
    steps.defer(() => tidyBridge(host, config));
    const { ipamType } = config;
    if (ipamType !== undefined) steps.defer(() => delegateDel(attachment, ipamType));
    steps.defer(() => removeVethPair(host, attachment, findLimiter(host, ownerOf(attachment))));
    steps.defer(() => withdrawn.use(withdraw(ownerOf(attachment), plugin.name)));
  },

  check: checkAttachment,

  gc(network, config) {
    using host = NetworkStack.own();
    using steps = new DisposableStack();
    steps.defer(() => tidyBridge(host, config));
    const { ipamType } = config;
    if (ipamType !== undefined) steps.defer(() => delegateGc(network, ipamType));
    steps.defer(() => collectLinks(host, network));
    steps.defer(() => collect(network.name, network.validAttachments));
  },

  status(network, config) {
    using host = NetworkStack.own();
    checkPrivileges();
    const found = getLink(host.route, { name: config.bridge });
    if (found !== undefined && found.info?.kind !== "bridge") throw notAvailable(`${config.bridge} is not a bridge`);
    if (config.isGateway) checkForwarding();
    checkTables();
    if (config.ipamType !== undefined) checkIpam(network, config.ipamType);
  },
};

function bridgeOptions(config: BridgeConfig) {
  const { bridge: name, mtu, promiscMode: promiscuous = false } = config;
  return { name, mtu, promiscuous, vlanFiltering: usesVlans(config) };
}

/** The link that has the gateway's addresses, if there are any. */
function gatewayOf(host: NetworkStack, bridge: Link, { ips }: Result, { vlan, isGateway }: BridgeConfig): Link {
  return isGateway && vlan !== undefined && ips.length > 0 ? ensureGatewayLink(host, bridge, vlan) : bridge;
}

function completeLease(lease: Result, { isGateway, isDefaultGateway }: BridgeConfig): Result {
  const gated = isGateway ? withGateways(lease) : lease;
  return isDefaultGateway ? withDefaultRoutes(gated) : gated;
}

/** Takes away what was the host's side of a network of which no attachment is left. */
function tidyBridge(host: NetworkStack, { bridge: name, vlan, isGateway }: BridgeConfig): void {
  const hasGatewayLink = vlan !== undefined && isGateway;
  if (hasGatewayLink) removeUnusedGatewayLink(host, name, vlan);
  removeUnusedBridge(host, name, hasGatewayLink ? isGatewayPort : undefined);
}

/** Whether nobody else relies on what an ADD set up on a bridge: other ADDs join it before they look at its addresses. */
function isOnlyPort(host: NetworkStack, { index: master }: Link, name: string): boolean {
  return listLinks(host.route, { master }).every((port) => port.name === name || isGatewayPort(port));
}
