import type { Publication } from "../../src/attach/firewall/publication.ts";
import type { Result } from "../../src/cni/result.ts";
import { Prefix } from "../../src/ip/prefix.ts";
import type { VxlanConfig } from "./config.ts";

/** What DEL withdraws, whatever the configuration says by then. */
export const publicationNames = ["vxlan", "vxlan/masquerade"] as const;

/**
 * What the packet filter is to do for an attachment, by the names that it is recorded under.
 *
 * Packets to other hosts' containers keep their source. In mode l2 these are in the container's own subnet, which is
 * never masqueraded; in mode l3 they are in `network`, so that is what masquerading is told the container's subnet is.
 * Published ports keep to the real one.
 */
export function publicationsOf(lease: Result, config: VxlanConfig): [name: string, publication: Publication][] {
  const { bridge, network, mode, wishes } = config;
  const { masquerade, ...others } = wishes;
  const addresses = lease.ips.map(({ address }) => address);
  const link = { name: bridge, kind: "bridge" } as const;
  if (mode === "l2" || masquerade === undefined) return [["vxlan", { addresses, link, ...wishes }]];
  const widened = addresses.map((prefix) => {
    const all = network.find((range) => range.contains(prefix.address));
    return all === undefined ? prefix : new Prefix(prefix.address, all.length);
  });
  return [
    ["vxlan", { addresses, link, ...others }],
    ["vxlan/masquerade", { addresses: widened, link, masquerade }],
  ];
}
