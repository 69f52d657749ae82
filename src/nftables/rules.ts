import { attributes, list, nested } from "../netlink/attributes.ts";
import { be64, text } from "../netlink/codec.ts";
import { netfilterBody } from "../netlink/netfilter.ts";
import { type NetlinkSocket, type Request, RequestFlag } from "../netlink/socket.ts";
import { type Expression, expression } from "./expressions.ts";
import { families, MessageType, nftablesRequest, type TableName } from "./message.ts";
import { comment } from "./userdata.ts";

const NFTA_LIST_ELEM = 1;

/** The body of a message about a rule. */
export const ruleBody = netfilterBody(
  attributes({
    table: [1, text],
    chain: [2, text],
    handle: [3, be64],
    expressions: [nested(4), list(nested(NFTA_LIST_ELEM), expression)],
    position: [6, be64],
    comment: [7, comment()],
  }),
);

export interface Rule {
  readonly expressions: readonly Expression[];
  readonly comment?: string;
}

/** Appends a rule to a chain. */
export function addRule(table: TableName, chain: string, { expressions, comment }: Rule): Request {
  const value = {
    table: table.name,
    chain,
    expressions: [...expressions],
    ...(comment === undefined ? {} : { comment }),
  };
  const flags = RequestFlag.create | RequestFlag.append;
  return nftablesRequest(`add rule to chain ${chain}`, MessageType.newRule, flags, table, ruleBody, value);
}

/** Removes all rules of a chain. */
export function flushChain(table: TableName, chain: string): Request {
  const value = { table: table.name, chain };
  return nftablesRequest(`flush chain ${chain}`, MessageType.deleteRule, 0, table, ruleBody, value);
}

/** The rules of a table in their order, chain by chain. */
export function listRules(socket: NetlinkSocket, table: TableName): (Rule & { chain: string })[] {
  const value = { table: table.name };
  const request = nftablesRequest("list rules", MessageType.getRule, 0, table, ruleBody, value);
  return socket
    .dump(request)
    .map(({ body }) => ruleBody.decode(body))
    .filter((rule) => rule.table === table.name && rule.family === families[table.family])
    .map(({ chain = "", expressions = [], comment }) => ({
      chain,
      expressions,
      ...(comment === undefined ? {} : { comment }),
    }));
}
