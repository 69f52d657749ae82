import { servedMappings } from "../../src/attach/firewall/mappings.ts";
import type { Publication } from "../../src/attach/firewall/publication.ts";
import { hostLinkName, ownerOf } from "../../src/attach/owner.ts";
import type { NetworkStack } from "../../src/attach/stack.ts";
import type { Attachment } from "../../src/cni/plugin.ts";
import type { Result } from "../../src/cni/result.ts";
import { type BridgeConfig, gatewayLinkName, what } from "./config.ts";

/** What the packet filter is to do for a container: what ADD publishes, and CHECK looks for. */
export function publicationOf(
  host: NetworkStack,
  attachment: Attachment,
  config: BridgeConfig,
  result: Result,
): Publication {
  const { bridge, vlan, isGateway, macspoofchk, wishes } = config;
  const mac = result.interfaces.find(({ name, sandbox }) => name === attachment.ifname && sandbox)?.mac;
  const addresses = result.ips.map(({ address }) => address);
  const { ports } = wishes;
  return {
    ...wishes,
    ...(ports && { ports: { ...ports, mappings: servedMappings(host.route, ports.mappings, addresses, what) } }),
    addresses,
    link: { name: isGateway && vlan !== undefined ? gatewayLinkName(bridge, vlan) : bridge, kind: "bridge" },
    ...(macspoofchk && mac && { macSpoofing: { port: hostLinkName(ownerOf(attachment)), mac } }),
  };
}
