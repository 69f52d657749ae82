import { checkContainerLink, checkLayer3, checkLink, mismatch, requirePrevResult } from "../../src/attach/check.ts";
import { inspect } from "../../src/attach/firewall/inspect.ts";
import { gatewayPrefixes } from "../../src/attach/gateway.ts";
import { checkLimits } from "../../src/attach/limits.ts";
import { ownerOf } from "../../src/attach/owner.ts";
import { NetworkStack, openSandbox } from "../../src/attach/stack.ts";
import { delegateCheck } from "../../src/cni/delegate.ts";
import type { Attachment } from "../../src/cni/plugin.ts";
import type { Result } from "../../src/cni/result.ts";
import { differences, findDevice, vxlanName } from "../../src/overlay/device.ts";
import { describeDifferences } from "../../src/overlay/reconcile.ts";
import { listAddresses } from "../../src/rtnetlink/address.ts";
import { getLink, type Link, LinkFlag } from "../../src/rtnetlink/link.ts";
import type { VxlanConfig } from "./config.ts";
import { linksOf, type OverlayPlan, planOverlay } from "./overlay.ts";
import { publicationsOf } from "./publications.ts";

/** @throws CniError for the first thing that is not as ADD left it, or as the peers have it now. */
export function checkAttachment(attachment: Attachment, config: VxlanConfig): void {
  if (config.ipamType !== undefined) delegateCheck(attachment, config.ipamType);
  const prevResult = requirePrevResult(attachment);
  using host = NetworkStack.own();
  using container = openSandbox(attachment);

  const bridge = checkLink(host, { name: config.bridge }, "bridge");
  const end = checkContainerLink(container, attachment, prevResult, "veth");
  const port = end.link === undefined ? undefined : getLink(host.route, { index: end.link });
  if (port?.master !== bridge.index) throw mismatch(`bridge of ${port?.name ?? end.name}`, port?.master, bridge.name);
  checkLimits(host, ownerOf(attachment), port, config.limits);
  checkLayer3(container, end, prevResult);
  if (config.isGateway) checkGateway(host, bridge, prevResult);
  checkOverlay(host, bridge, planOverlay(host, attachment.network.name, config), config);
  for (const [, publication] of publicationsOf(prevResult, config)) inspect(ownerOf(attachment), publication);
}

function checkOverlay(host: NetworkStack, bridge: Link, { device, state }: OverlayPlan, config: VxlanConfig): void {
  const name = vxlanName(config.vni);
  const vxlan = findDevice(host.route, device);
  if (vxlan === undefined) throw mismatch(name, undefined, `the VXLAN device of ${device.network}`);
  const wrong = differences(vxlan, device);
  if (wrong !== undefined) throw mismatch(name, wrong, "as configured");
  if (vxlan.mtu !== device.mtu) throw mismatch(`MTU of ${name}`, vxlan.mtu, device.mtu);
  if (!(vxlan.flags & LinkFlag.up)) throw mismatch(name, "down", "up");
  if (config.mode === "l2" && vxlan.master !== bridge.index)
    throw mismatch(`bridge of ${name}`, vxlan.master, bridge.name);
  const [first] = describeDifferences(host.route, linksOf(config, vxlan, bridge), state);
  if (first !== undefined) throw mismatch(`entries of ${name}`, "others", `those of the peers (to be done: ${first})`);
}

function checkGateway(host: NetworkStack, bridge: Link, { ips }: Result): void {
  const present = listAddresses(host.route, bridge.index).map(({ prefix }) => prefix);
  for (const gateway of gatewayPrefixes(ips)) {
    if (present.some((prefix) => prefix.equals(gateway))) continue;
    throw mismatch(`gateway on ${bridge.name}`, present.join(", ") || undefined, gateway);
  }
}
