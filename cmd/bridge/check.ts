import { checkContainerLink, checkLayer3, checkLink, mismatch, requirePrevResult } from "../../src/attach/check.ts";
import { inspect } from "../../src/attach/firewall/inspect.ts";
import { gatewayPrefixes } from "../../src/attach/gateway.ts";
import { checkLimits } from "../../src/attach/limits.ts";
import { type Owner, ownerOf } from "../../src/attach/owner.ts";
import { NetworkStack, openSandbox } from "../../src/attach/stack.ts";
import { delegateCheck } from "../../src/cni/delegate.ts";
import type { Attachment } from "../../src/cni/plugin.ts";
import type { Result } from "../../src/cni/result.ts";
import { listAddresses } from "../../src/rtnetlink/address.ts";
import { listPortVlans } from "../../src/rtnetlink/bridgevlan.ts";
import { getLink, type Link, LinkFlag } from "../../src/rtnetlink/link.ts";
import { type BridgeConfig, gatewayLinkName } from "./config.ts";
import { publicationOf } from "./publication.ts";
import { usesVlans, wantedVlans } from "./vlan.ts";

/** @throws CniError for the first thing that is not as ADD left it. */
export function checkAttachment(attachment: Attachment, config: BridgeConfig): void {
  const prevResult = requirePrevResult(attachment);
  if (config.ipamType !== undefined) delegateCheck(attachment, config.ipamType);
  using host = NetworkStack.own();
  using container = openSandbox(attachment);

  const bridge = checkBridge(host, prevResult, config);
  const end = checkContainerLink(container, attachment, prevResult, "veth");
  checkPort(host, ownerOf(attachment), end, bridge, config);
  checkLayer3(container, end, prevResult);
  if (config.isGateway) checkGateway(host, bridge, prevResult, config);
  inspect(ownerOf(attachment), publicationOf(host, attachment, config, prevResult));
}

function checkBridge(host: NetworkStack, { interfaces }: Result, { bridge: name, promiscMode }: BridgeConfig): Link {
  const told = interfaces.find((entry) => entry.name === name && !entry.sandbox);
  const bridge = checkLink(host, told ?? { name }, "bridge");
  // A sniffer makes it promiscuous as well, so only the lack is a fault.
  if (promiscMode && !(bridge.flags & LinkFlag.promiscuous)) throw mismatch(`promiscuous mode of ${name}`, "off", "on");
  return bridge;
}

/** The port is the container end's peer: its index there is in the host's numbers. */
function checkPort(host: NetworkStack, owner: Owner, end: Link, bridge: Link, config: BridgeConfig): void {
  const port = end.link === undefined ? undefined : getLink(host.route, { index: end.link });
  if (port?.info?.kind !== "veth") throw mismatch(`peer of ${end.name}`, port?.info?.kind, "a veth on the host");
  if (port.master !== bridge.index) throw mismatch(`bridge of ${port.name}`, port.master, bridge.name);
  const { hairpin = false, isolated = false } = port.info.port?.data ?? {};
  // The portmap and firewall plugins behind this one set them as well, so only the lack is a fault.
  if (config.port.hairpin && !hairpin) throw mismatch(`hairpin mode of ${port.name}`, hairpin, true);
  if (config.port.isolated && !isolated) throw mismatch(`isolation of ${port.name}`, isolated, true);
  if (usesVlans(config)) checkVlans(host, port, config);
  checkLimits(host, owner, port, config.limits);
}

function checkVlans(host: NetworkStack, port: Link, config: BridgeConfig): void {
  const present = listPortVlans(host.route, port.index);
  for (const { first, last, flags } of wantedVlans(config)) {
    const covered = present.some((range) => range.first <= first && last <= range.last && range.flags === flags);
    if (!covered) throw mismatch(`VLANs of ${port.name}`, JSON.stringify(present), `${first} to ${last}`);
  }
}

function checkGateway(host: NetworkStack, bridge: Link, { ips }: Result, { vlan }: BridgeConfig): void {
  const link = vlan === undefined ? bridge : getLink(host.route, { name: gatewayLinkName(bridge.name, vlan) });
  const present = link ? listAddresses(host.route, link.index).map(({ prefix }) => prefix) : [];
  for (const gateway of gatewayPrefixes(ips)) {
    if (present.some((prefix) => prefix.equals(gateway))) continue;
    throw mismatch(`gateway on ${bridge.name}`, present.join(", ") || undefined, gateway);
  }
}
