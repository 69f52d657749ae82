import type { Attachment } from "../../cni/plugin.ts";
import type { Result } from "../../cni/result.ts";
import type { Prefix } from "../../ip/prefix.ts";
import { NetlinkError } from "../../netlink/error.ts";
import { getLink, type Link as KernelLink, setLink } from "../../rtnetlink/link.ts";
import { lookUpRoute } from "../../rtnetlink/route.ts";
import type { NetworkStack } from "../stack.ts";
import type { Link } from "./publication.ts";

/**
 * The container's addresses in a result: those of the interface CNI_IFNAME, and those that no interface is named for.
 */
export function containerAddresses({ ifname }: Attachment, { ips, interfaces }: Result): Prefix[] {
  return ips
    .filter(({ interface: index }) => {
      if (index === undefined) return true;
      const entry = interfaces[index];
      return entry?.name === ifname && Boolean(entry.sandbox);
    })
    .map(({ address }) => address);
}

/**
 * The host's interface by which a container is reached, if it was made for that: one that the result names. A container
 * on the host's own segment (macvlan) is reached by the uplink, which is nobody's to change.
 */
export function hostLink(host: NetworkStack, addresses: readonly Prefix[], { interfaces }: Result): Link | undefined {
  const link = addresses.map((prefix) => routeTo(host, prefix)).find((found) => found !== undefined);
  const made = interfaces.some(({ name, sandbox }) => !sandbox && name === link?.name);
  return link && made ? { name: link.name, kind: link.info?.kind === "bridge" ? "bridge" : "port" } : undefined;
}

function routeTo(host: NetworkStack, { address }: Prefix): KernelLink | undefined {
  try {
    const { link: index } = lookUpRoute(host.route, address);
    return index === undefined ? undefined : getLink(host.route, { index });
  } catch (error) {
    if (error instanceof NetlinkError) return undefined;
    throw error;
  }
}

/**
 * Lets a container reach itself through a published port: where bridged packets pass through the packet filter
 * (br_netfilter), they are translated on the bridge, and have to leave by the port that they came in by.
 */
export function allowHairpin(host: NetworkStack, bridge: string, { interfaces }: Result): void {
  const master = getLink(host.route, { name: bridge })?.index;
  for (const { name } of interfaces.filter(({ sandbox }) => !sandbox)) {
    const port = getLink(host.route, { name });
    if (port === undefined || port.master !== master || port.info?.port?.data?.hairpin) continue;
    const data = { hairpin: true };
    setLink(host.route, `set hairpin mode of ${name}`, { index: port.index, info: { port: { kind: "bridge", data } } });
  }
}
