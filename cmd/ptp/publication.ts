import { servedMappings } from "../../src/attach/firewall/mappings.ts";
import type { Publication } from "../../src/attach/firewall/publication.ts";
import { hostLinkName, ownerOf } from "../../src/attach/owner.ts";
import type { NetworkStack } from "../../src/attach/stack.ts";
import type { Attachment } from "../../src/cni/plugin.ts";
import type { Result } from "../../src/cni/result.ts";
import { type PtpConfig, what } from "./config.ts";

/** What the packet filter is to do for a container: what ADD publishes, and CHECK looks for. */
export function publicationOf(
  host: NetworkStack,
  attachment: Attachment,
  { wishes }: PtpConfig,
  { ips }: Result,
): Publication {
  const addresses = ips.map(({ address }) => address);
  const { ports, masquerade, isolation } = wishes;
  return {
    ...(masquerade && addresses.length > 0 && { masquerade }),
    ...(isolation && { isolation: { ...isolation, betweenContainers: false } }),
    ...(ports && { ports: { ...ports, mappings: servedMappings(host.route, ports.mappings, addresses, what) } }),
    addresses,
    link: { name: hostLinkName(ownerOf(attachment)), kind: "port" },
  };
}
