import { attributes, list, nested } from "../netlink/attributes.ts";
import { be32, text, u8, u32 } from "../netlink/codec.ts";
import { netfilterBody } from "../netlink/netfilter.ts";
import { type Request, RequestFlag } from "../netlink/socket.ts";
import { struct } from "../netlink/struct.ts";
import { MessageType, nftablesRequest, type TableName } from "./message.ts";
import { type DataTypeName, dataTypes, paddedSize, sizeOf, typeID } from "./types.ts";

const NFTA_LIST_ELEM = 1;

/**
 * The note by which `nft list` reads keys of one field in the order that they are in: type 0 (NFTNL_UDATA_SET_KEYBYTEORDER),
 * a length of 4, and 1 for the host's order or 2 for the network's.
 */
const byteOrder = struct({ type: u8, length: u8, order: u32 });

const codec = netfilterBody(
  attributes({
    table: [1, text],
    name: [2, text],
    flags: [3, be32],
    keyType: [4, be32],
    keyLength: [5, be32],
    dataType: [6, be32],
    dataLength: [7, be32],
    description: [
      nested(9),
      attributes({
        size: [1, be32],
        concatenation: [nested(2), list(nested(NFTA_LIST_ELEM), attributes({ length: [1, be32] }))],
      }),
    ],
    id: [10, be32],
    userData: [13, byteOrder],
  }),
);

const Flag = { interval: 0x4, map: 0x8, concatenation: 0x80 } as const;

/** NFT_DATA_VERDICT: the type of a verdict, which has no number of nft's. */
const NFT_DATA_VERDICT = 0xffffff00;

/** A set, or a map where it has data. */
export interface SetType {
  readonly name: string;
  readonly key: readonly DataTypeName[];
  readonly data?: readonly DataTypeName[] | "verdict";
  /** Whether elements are ranges. */
  readonly interval?: boolean;
}

/**
 * Makes a set, unless it is there.
 *
 * @param id a number of its own within the transaction, which the kernel asks for.
 * @throws (in the transaction) EEXIST when it is there with another type.
 */
export function addSet(table: TableName, set: SetType, id: number): Request {
  const concatenated = set.interval && set.key.length > 1;
  const value = {
    table: table.name,
    name: set.name,
    flags: (set.interval ? Flag.interval : 0) | (set.data ? Flag.map : 0) | (concatenated ? Flag.concatenation : 0),
    keyType: typeID(set.key),
    keyLength: sizeOf(set.key),
    ...dataAttributes(set.data),
    id,
    userData: { type: 0, length: 4, order: set.key.some((type) => "hostOrder" in dataTypes[type]) ? 1 : 2 },
    // Ranges in several fields at once need the length of each (nft_set_pipapo).
    ...(concatenated ? { description: { concatenation: set.key.map((type) => ({ length: paddedSize(type) })) } } : {}),
  };
  return nftablesRequest(`add set ${set.name}`, MessageType.newSet, RequestFlag.create, table, codec, value);
}

function dataAttributes(data: SetType["data"]) {
  if (data === undefined) return {};
  if (data === "verdict") return { dataType: NFT_DATA_VERDICT, dataLength: 16 };
  return { dataType: typeID(data), dataLength: sizeOf(data) };
}
