import { attributes } from "../netlink/attributes.ts";
import { be32, text } from "../netlink/codec.ts";
import { unless } from "../netlink/error.ts";
import { netfilterBody } from "../netlink/netfilter.ts";
import { type NetlinkSocket, type Request, RequestFlag } from "../netlink/socket.ts";
import { MessageType, nftablesRequest, type TableName } from "./message.ts";
import { comment } from "./userdata.ts";

const codec = netfilterBody(attributes({ name: [1, text], flags: [2, be32], use: [3, be32], comment: [6, comment()] }));

/** Makes a table, unless it is there. */
export function addTable(table: TableName, comment?: string): Request {
  const value = { name: table.name, flags: 0, ...(comment === undefined ? {} : { comment }) };
  return nftablesRequest(`add table ${table.name}`, MessageType.newTable, RequestFlag.create, table, codec, value);
}

/** Removes a table with all that is in it. */
export function deleteTable(table: TableName): Request {
  return nftablesRequest(`delete table ${table.name}`, MessageType.deleteTable, 0, table, codec, { name: table.name });
}

/** What is known of a table, or undefined when there is none: `use` counts its chains and sets. */
export function findTable(socket: NetlinkSocket, table: TableName): { use: number; comment: string } | undefined {
  const request = nftablesRequest(`read table ${table.name}`, MessageType.getTable, 0, table, codec, {
    name: table.name,
  });
  const answer = unless(["ENOENT"], () => socket.request(request))?.[0];
  if (answer === undefined) return undefined;
  const { use = 0, comment = "" } = codec.decode(answer.body);
  return { use, comment };
}
