import type { Address, Family } from "../ip/address.ts";
import { attributes, nested } from "../netlink/attributes.ts";
import { address, be16, be32, u8, u32 } from "../netlink/codec.ts";
import { unless } from "../netlink/error.ts";
import { netfilterBody } from "../netlink/netfilter.ts";
import type { NetlinkSocket, Request } from "../netlink/socket.ts";

/** NFNL_SUBSYS_CTNETLINK of linux/netfilter/nfnetlink.h. */
const conntrackSubsystem = 1;

/** enum cntl_msg_types of linux/netfilter/nfnetlink_conntrack.h. */
const MessageType = { get: 1, delete: 2 } as const;

/** One direction of a connection (enum ctattr_tuple); IPv4 and IPv6 addresses have attributes of their own. */
const tuple = attributes({
  ip: [
    nested(1),
    attributes({
      source4: [1, address],
      destination4: [2, address],
      source6: [3, address],
      destination6: [4, address],
    }),
  ],
  protocol: [nested(2), attributes({ number: [1, u8], sourcePort: [2, be16], destinationPort: [3, be16] })],
});

const flowBody = netfilterBody(
  attributes({
    original: [nested(1), tuple],
    reply: [nested(2), tuple],
    id: [12, be32],
    zone: [18, be16],
    filter: [nested(25), attributes({ original: [1, u32], reply: [2, u32] })],
  }),
);

type FlowAttributes = Omit<Parameters<typeof flowBody.encode>[0], "family">;

/** A connection that the kernel keeps track of: how it started, and who answers. */
export interface Flow {
  /** The port as the sender sees it, before translation. */
  readonly destinationPort: number;
  /** Who sends the replies: the translated destination. */
  readonly answeredBy: Address | undefined;
}

/** What is looked for: all that is given must be so. */
export interface FlowFilter {
  readonly family: Family;
  /** IPPROTO_*. */
  readonly protocol: number;
  readonly destinationPort?: number | undefined;
  readonly answeredBy?: Address;
}

/** CTA_FILTER_FLAG of CTA_IP_SRC, CTA_PROTO_NUM and CTA_PROTO_DST_PORT (net/netfilter/nf_internals.h). */
const Filter = { source: 1 << 0, protocol: 1 << 3, destinationPort: 1 << 5 } as const;

/**
 * Forgets the flows that `filter` finds and `isStale` says so of, so that their next packet is looked at anew: the
 * kernel keeps an old translation as long as packets come. One pass over the kernel's table (about 10 ms: it is long
 * even when it is empty).
 */
export function deleteFlows(socket: NetlinkSocket, filter: FlowFilter, isStale: (flow: Flow) => boolean): void {
  const { family } = filter;
  // The kernel filters (5.8 and newer); an older one tells all, which are looked through here.
  for (const { body } of socket.dump(request("list connections", MessageType.get, family, filterAttributes(filter)))) {
    const { original, reply, id, zone } = flowBody.decode(body);
    const { number, destinationPort } = original?.protocol ?? {};
    if (number !== filter.protocol || destinationPort === undefined) continue;
    if (!isStale({ destinationPort, answeredBy: reply?.ip?.source4 ?? reply?.ip?.source6 })) continue;
    const key = { ...(original && { original }), ...(id !== undefined && { id }), ...(zone !== undefined && { zone }) };
    // It may have ended meanwhile.
    unless(["ENOENT"], () => socket.request(request("forget a connection", MessageType.delete, family, key)));
  }
}

function filterAttributes({ family, protocol: number, destinationPort, answeredBy }: FlowFilter) {
  const port = destinationPort !== undefined && { destinationPort };
  const source = answeredBy && (family === 4 ? { source4: answeredBy } : { source6: answeredBy });
  return {
    original: { protocol: { number, ...port } },
    ...(source && { reply: { ip: source } }),
    filter: {
      original: Filter.protocol | (port ? Filter.destinationPort : 0),
      reply: source ? Filter.source : 0,
    },
  };
}

function request(operation: string, type: number, family: Family, value: FlowAttributes): Request {
  const NFPROTO = { 4: 2, 6: 10 };
  return {
    operation,
    type: (conntrackSubsystem << 8) | type,
    write: (out) => flowBody.encode({ ...value, family: NFPROTO[family] }, out),
  };
}
