import { announce } from "../../src/attach/announce.ts";
import { claimBridge, ensureBridge } from "../../src/attach/bridge.ts";
import { waitUntilUp } from "../../src/attach/carrier.ts";
import { collectLinks } from "../../src/attach/collect.ts";
import { chooseDns } from "../../src/attach/dns.ts";
import { collect } from "../../src/attach/firewall/collect.ts";
import { publish, withdraw } from "../../src/attach/firewall/publish.ts";
import { enableForwarding, ensureGatewayAddresses, withDefaultRoutes, withGateways } from "../../src/attach/gateway.ts";
import { configureInterface } from "../../src/attach/interface.ts";
import { leaseIfAny } from "../../src/attach/lease.ts";
import { findLimiter } from "../../src/attach/limiter.ts";
import { limitIfAny } from "../../src/attach/limits.ts";
import { ownerOf } from "../../src/attach/owner.ts";
import { requestedMac } from "../../src/attach/requestedmac.ts";
import { NetworkStack, openSandbox } from "../../src/attach/stack.ts";
import { createVethPair, refuseTaken, removeVethPair } from "../../src/attach/veth.ts";
import { delegateDel, delegateGc } from "../../src/cni/delegate.ts";
import type { Attachment, Plugin } from "../../src/cni/plugin.ts";
import type { Result } from "../../src/cni/result.ts";
import { versions } from "../../src/cni/version.ts";
import { macForAddress } from "../../src/ip/mac.ts";
import type { Prefix } from "../../src/ip/prefix.ts";
import { type Link, setLink } from "../../src/rtnetlink/link.ts";
import { checkAttachment } from "./check.ts";
import { configure, configureForRelease, type VxlanConfig } from "./config.ts";
import { applyPlan, claimOverlay, planOverlay, tidyOverlay } from "./overlay.ts";
import { publicationNames, publicationsOf } from "./publications.ts";
import { checkStatus } from "./status.ts";

/** Docker's overlay driver: one network over several hosts, connected by VXLAN tunnels. */
export const plugin: Plugin<VxlanConfig> = {
  name: "vxlan",
  versions,
  configure,
  configureForRelease,

  add(attachment, config) {
    const { network } = attachment;
    using host = NetworkStack.own();
    using container = openSandbox(attachment);
    using undo = new DisposableStack();
    using _overlay = claimOverlay(config);
    using _bridge = claimBridge(config.bridge);
    const asked = requestedMac(attachment, config.given);
    refuseTaken(container, attachment.ifname);
    const plan = planOverlay(host, network.name, config);

    const lease = leaseOf(attachment, config, undo);
    undo.defer(() => tidyOverlay(host, network.name, config));
    const { mtu } = plan.device;
    const bridge = undo.use(ensureBridge(host, { name: config.bridge, mtu }));
    applyPlan(host, plan, config, bridge, config.mode === "l3" ? subnetsOf(lease) : []);

    const first = lease.ips[0]?.address.address;
    const mac = asked ?? (first && macForAddress(first));
    const veth = undo.use(createVethPair(host, container, attachment, { mtu, mac, bridge: bridge.index }));
    configureInterface(container, veth.container, lease);
    if (config.isGateway) giveGateway(host, bridge, lease, config);
    for (const [name, publication] of publicationsOf(lease, config)) {
      undo.use(publish(ownerOf(attachment), name, publication));
    }
    const limited = undo.use(limitIfAny(host, ownerOf(attachment), veth.host.name, config.limits)).interfaces;
    waitUntilUp(host, veth.host.name);
    if (lease.ips.length > 0) announce(container, veth.container.index, veth.container.mac);
    if (config.isGateway) enableForwarding(host, lease);

    undo.move();
    const { netns: sandbox = "", ifname } = attachment;
    return {
      interfaces: [
        { name: bridge.name, mac: bridge.mac },
        veth.host,
        { name: ifname, mac: veth.container.mac, mtu, sandbox },
        ...limited,
      ],
      ips: lease.ips.map((ip) => ({ ...ip, interface: 2 })),
      routes: lease.routes,
      dns: chooseDns(config.given.dns, lease.dns),
    };
  },

  del(attachment, config) {
    using host = NetworkStack.own();
    using closing = new DisposableStack();
    // Last in, first out; each is tried, whatever becomes of the others.
    using steps = new DisposableStack();
    steps.defer(() => tidyOverlay(host, attachment.network.name, config));
    const { ipamType } = config;
    if (ipamType !== undefined) steps.defer(() => delegateDel(attachment, ipamType));
    for (const name of publicationNames) steps.defer(() => closing.use(withdraw(ownerOf(attachment), name)));
    steps.defer(() => removeVethPair(host, attachment, findLimiter(host, ownerOf(attachment))));
  },

  check: checkAttachment,

  gc(network, config) {
    using host = NetworkStack.own();
    using steps = new DisposableStack();
    steps.defer(() => tidyOverlay(host, network.name, config));
    const { ipamType } = config;
    if (ipamType !== undefined) steps.defer(() => delegateGc(network, ipamType));
    steps.defer(() => collect(network.name, network.validAttachments));
    steps.defer(() => collectLinks(host, network));
  },

  status: checkStatus,
};

function leaseOf(attachment: Attachment, config: VxlanConfig, undo: DisposableStack): Result {
  const { result } = undo.use(leaseIfAny(attachment, config.ipamType));
  const gated = config.isGateway ? withGateways(result) : result;
  return config.isDefaultGateway ? withDefaultRoutes(gated) : gated;
}

/** In mode l2 all hosts can have the gateway's address: with one MAC, each container finds it on its own host. */
function giveGateway(host: NetworkStack, bridge: Link, lease: Result, { mode }: VxlanConfig): void {
  const gateway = lease.ips.find(({ gateway }) => gateway !== undefined)?.gateway;
  const mac = mode === "l2" && gateway && macForAddress(gateway);
  if (mac && bridge.mac !== mac) setLink(host.route, `set the MAC of ${bridge.name}`, { index: bridge.index, mac });
  ensureGatewayAddresses(host, bridge, lease, false);
}

function subnetsOf({ ips }: Result): Prefix[] {
  return ips.map(({ address }) => address.network);
}
