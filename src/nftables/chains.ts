import { attributes, nested } from "../netlink/attributes.ts";
import { be32, be64, type Codec, text } from "../netlink/codec.ts";
import { unless } from "../netlink/error.ts";
import { netfilterBody } from "../netlink/netfilter.ts";
import { type NetlinkSocket, type Request, RequestFlag } from "../netlink/socket.ts";
import { families, MessageType, nftablesRequest, type TableFamily, type TableName } from "./message.ts";

const priority: Codec<number> = {
  encode: (value, out) => be32.encode(value >>> 0, out),
  decode: (bytes) => bytes.readInt32BE(),
};

const codec = netfilterBody(
  attributes({
    table: [1, text],
    handle: [2, be64],
    name: [3, text],
    hook: [nested(4), attributes({ number: [1, be32], priority: [2, priority], device: [3, text] })],
    policy: [5, be32],
    use: [6, be32],
    type: [7, text],
  }),
);

/** Hooks of the families inet, ip, ip6 and bridge (enum nf_inet_hooks, NF_BR_*). */
export const hooks = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;

/** Where a base chain hangs. */
export interface BaseChain {
  readonly type: "filter" | "nat" | "route";
  readonly hook: keyof typeof hooks;
  /** Lower comes first: raw -300, mangle -150, dstnat -100, filter 0, srcnat 100. */
  readonly priority: number;
}

/** Makes a chain, unless it is there; a base chain lets pass what its rules say nothing of. */
export function addChain(table: TableName, name: string, base?: BaseChain): Request {
  const hook = base && { hook: { number: hooks[base.hook], priority: base.priority }, policy: 1, type: base.type };
  const value = { table: table.name, name, ...hook };
  return nftablesRequest(`add chain ${name}`, MessageType.newChain, RequestFlag.create, table, codec, value);
}

/** Removes a chain without rules that nothing refers to. */
export function deleteChain(table: TableName, name: string): Request {
  const value = { table: table.name, name };
  return nftablesRequest(`delete chain ${name}`, MessageType.deleteChain, 0, table, codec, value);
}

/** Whether a table has a chain of that name. */
export function hasChain(socket: NetlinkSocket, table: TableName, name: string): boolean {
  const value = { table: table.name, name };
  const request = nftablesRequest(`look at chain ${name}`, MessageType.getChain, 0, table, codec, value);
  return unless(["ENOENT"], () => socket.request(request)) !== undefined;
}

/** The base chains of all tables, whoever made them; `hook` is one of {@link hooks} in the families of addresses. */
export function listBaseChains(socket: NetlinkSocket): { table: TableName; name: string; hook: number }[] {
  const request = nftablesRequest("list chains", MessageType.getChain, 0, { family: "any" }, codec, {});
  return socket
    .dump(request)
    .map(({ body }) => codec.decode(body))
    .flatMap(({ family: number, table = "", name = "", hook }) => {
      const [family] = Object.entries(families).find(([, its]) => its === number) ?? [];
      if (family === undefined || hook?.number === undefined) return [];
      return [{ table: { family: family as TableFamily, name: table }, name, hook: hook.number }];
    });
}
