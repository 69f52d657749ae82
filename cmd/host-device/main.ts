import { announce } from "../../src/attach/announce.ts";
import { waitForLink } from "../../src/attach/carrier.ts";
import { chooseDns } from "../../src/attach/dns.ts";
import { configureInterface } from "../../src/attach/interface.ts";
import { leaseIfAny } from "../../src/attach/lease.ts";
import { checkIpam, checkPrivileges, notAvailable } from "../../src/attach/ready.ts";
import { listInvalidRecords } from "../../src/attach/record.ts";
import { NetworkStack, openSandbox } from "../../src/attach/stack.ts";
import { delegateDel, delegateGc } from "../../src/cni/delegate.ts";
import type { Attachment, Plugin } from "../../src/cni/plugin.ts";
import type { Interface, Result } from "../../src/cni/result.ts";
import { versions } from "../../src/cni/version.ts";
import { getLink, type Link, OperState } from "../../src/rtnetlink/link.ts";
import { checkAttachment } from "./check.ts";
import { configure, configureForRelease, type HostDeviceConfig, type Selector } from "./config.ts";
import { describe, findInterface, notFound } from "./find.ts";
import type { Lent } from "./lent.ts";
import { findHolder, kind, type Loan, lend, takeBack, takeBackRecorded } from "./loan.ts";

/** How long a link without hardware is waited for that has no carrier, in milliseconds: its other side may be down. */
const carrierTime = 100;

/** Gives a container an interface of the host, for as long as it runs. */
export const plugin: Plugin<HostDeviceConfig> = {
  name: "host-device",
  versions,
  configure,
  configureForRelease,

  add(attachment, config) {
    using host = NetworkStack.own();
    using container = openSandbox(attachment);
    using undo = new DisposableStack();
    const { selector, userspace, ipam, dns } = config;
    const link = selector === undefined || userspace ? undefined : take(host, container, selector, attachment, undo);
    const { result: lease } = undo.use(leaseIfAny(attachment, ipam));
    if (link !== undefined) setUp(container, link, lease);
    // As it is now: a DHCP server may have told another MTU.
    const now = link && getLink(container.route, { index: link.index });
    undo.move();
    return {
      interfaces: [describeInterface(attachment, now, config)],
      ips: lease.ips.map((ip) => ({ ...ip, interface: 0 })),
      routes: lease.routes,
      dns: chooseDns(dns, lease.dns),
    };
  },

  del(attachment, { userspace, ipam }) {
    using host = NetworkStack.own();
    using steps = new DisposableStack();
    // Last in, first out; each is tried, whatever becomes of the others. A DHCP server is told by way of the interface.
    if (!userspace) steps.defer(() => takeBack(host, attachment));
    if (ipam !== undefined) steps.defer(() => delegateDel(attachment, ipam));
  },

  check: checkAttachment,

  gc(network, { ipam }) {
    using host = NetworkStack.own();
    using steps = new DisposableStack();
    for (const record of listInvalidRecords<Lent>(kind, network)) steps.defer(() => takeBackRecorded(host, record));
    if (ipam !== undefined) steps.defer(() => delegateGc(network, ipam));
  },

  status(network, { selector, userspace, ipam }) {
    checkPrivileges();
    using host = NetworkStack.own();
    // While a container has the interface, the network is as it should be.
    const present = selector === undefined || userspace || findInterface(host, selector) || findHolder(selector);
    if (!present) throw notAvailable(`there is no ${describe(selector)}`, `${selector.key}: found no such interface`);
    if (ipam !== undefined) checkIpam(network, ipam);
  },
};

function take(
  host: NetworkStack,
  container: NetworkStack,
  selector: Selector,
  attachment: Attachment,
  undo: DisposableStack,
): Loan {
  const link = findInterface(host, selector);
  if (link === undefined) throw notFound(selector, findHolder(selector));
  return undo.use(lend(host, container, link, attachment));
}

/**
 * A card announces its addresses when it goes up, if it has a carrier at once: it is not told its MAC for that, which it may
 * refuse, and would no more count as its own. What has no hardware is told when its other side listens.
 */
function setUp(container: NetworkStack, link: Loan, lease: Result): void {
  configureInterface(container, link, lease);
  const { index, mac, deviceName, permanentMac } = link;
  if (mac === undefined || deviceName !== undefined || permanentMac !== undefined) return;
  // What knows no carrier tells no state.
  const states: unknown[] = [OperState.up, OperState.unknown];
  const isUp = () => states.includes(getLink(container.route, { index })?.operState) || undefined;
  if (waitForLink(container, isUp, carrierTime)) announce(container, index, mac);
}

function describeInterface(
  { ifname: name, netns: sandbox = "" }: Attachment,
  link: Link | undefined,
  { pciID }: HostDeviceConfig,
): Interface {
  const { mac, mtu, deviceBus, deviceName } = link ?? {};
  const device = pciID ?? (deviceBus === "pci" ? deviceName : undefined);
  return { name, ...(mac && { mac }), ...(mtu && { mtu }), sandbox, ...(device && { pciID: device }) };
}
