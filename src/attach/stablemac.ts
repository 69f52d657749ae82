import type { Result } from "../cni/result.ts";
import { type Mac, macForAddress } from "../ip/mac.ts";
import { type Link, setLink } from "../rtnetlink/link.ts";
import type { NetworkStack } from "./stack.ts";

/**
 * Gives a link, which is down, the MAC that follows from its first address, so that a reused address keeps its MAC. Not
 * with addresses of a DHCP server: it knows its client by the MAC that it asked with.
 *
 * @param ipam the IPAM plugin that gave the lease.
 * @returns the link as it is then.
 */
export function withStableMac<L extends Link & { mac: Mac }>(
  container: NetworkStack,
  link: L,
  { ips }: Result,
  ipam: string | undefined,
): L {
  const first = ips[0]?.address.address;
  if (first === undefined || ipam === "dhcp") return link;
  const mac = macForAddress(first);
  setLink(container.route, `set the MAC of ${link.name}`, { index: link.index, mac });
  return { ...link, mac };
}
