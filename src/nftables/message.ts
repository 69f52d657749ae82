import type { BodyCodec } from "../netlink/message.ts";
import type { Request } from "../netlink/socket.ts";

/** NFNL_SUBSYS_NFTABLES of linux/netfilter/nfnetlink.h. */
export const nftablesSubsystem = 10;

/** Families of tables (NFPROTO_* of linux/netfilter.h). */
export const families = { any: 0, inet: 1, ip: 2, arp: 3, netdev: 5, bridge: 7, ip6: 10 } as const;

export type TableFamily = keyof typeof families;

/** Messages of nf_tables (enum nf_tables_msg_types of linux/netfilter/nf_tables.h). */
export const MessageType = {
  newTable: 0,
  getTable: 1,
  deleteTable: 2,
  newChain: 3,
  getChain: 4,
  deleteChain: 5,
  newRule: 6,
  getRule: 7,
  deleteRule: 8,
  newSet: 9,
  getSet: 10,
  deleteSet: 11,
  newElements: 12,
  getElements: 13,
  deleteElements: 14,
  newGeneration: 15,
  getGeneration: 16,
} as const;

/** A table, by what addresses it. */
export interface TableName {
  readonly family: TableFamily;
  readonly name: string;
}

/** One message of nf_tables about something in `table`. */
export function nftablesRequest<Attributes>(
  operation: string,
  type: number,
  flags: number,
  table: Pick<TableName, "family">,
  codec: BodyCodec<{ family: number }, Attributes>,
  value: Attributes,
): Request {
  return {
    operation,
    type: (nftablesSubsystem << 8) | type,
    flags,
    write: (out) => codec.encode({ family: families[table.family], ...value }, out),
  };
}
