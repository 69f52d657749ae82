import { deleteFlows } from "../../conntrack/flows.ts";
import type { NetlinkSocket } from "../../netlink/socket.ts";
import { appliesTo } from "./entries.ts";
import { firstAddresses, type Publication, protocols } from "./publication.ts";

/**
 * Makes the kernel decide anew about UDP flows to a publication's ports. They go on for as long as a client sends, and
 * would stay with whom they were led to before: with the host or the last container after ADD (`elsewhere`), with this
 * container after DEL (`here`).
 */
export function forgetFlows(socket: NetlinkSocket, publication: Publication, leading: "here" | "elsewhere"): void {
  const { ports } = publication;
  if (ports === undefined || ports.routed) return;
  const protocol = protocols.udp;
  for (const { family, address: container } of firstAddresses(publication)) {
    const udp = ports.mappings.filter((mapping) => mapping.protocol === "udp" && appliesTo(mapping, family));
    if (udp.length === 0) continue;
    const isPublished = (port: number) =>
      udp.some(({ hostPort, range = 1 }) => hostPort <= port && port < hostPort + range);
    if (leading === "here") {
      deleteFlows(socket, { family, protocol, answeredBy: container }, (flow) => isPublished(flow.destinationPort));
    } else {
      const only = udp.length === 1 && (udp[0]?.range ?? 1) === 1 ? udp[0]?.hostPort : undefined;
      deleteFlows(socket, { family, protocol, destinationPort: only }, ({ destinationPort, answeredBy }) => {
        return isPublished(destinationPort) && !answeredBy?.equals(container);
      });
    }
  }
}
