import { attributes, list, nested } from "../netlink/attributes.ts";
import { be32, text } from "../netlink/codec.ts";
import { unless } from "../netlink/error.ts";
import { netfilterBody } from "../netlink/netfilter.ts";
import { type NetlinkSocket, type Request, RequestFlag } from "../netlink/socket.ts";
import { data, type Verdict } from "./data.ts";
import { MessageType, nftablesRequest, type TableName } from "./message.ts";
import type { SetType } from "./sets.ts";
import { decodeFields, encodeFields, type Value } from "./types.ts";
import { comment } from "./userdata.ts";

const NFTA_LIST_ELEM = 1;

const elementCodec = attributes({
  key: [nested(1), data],
  keyEnd: [nested(10), data],
  data: [nested(2), data],
  flags: [3, be32],
  comment: [6, comment()],
});

const codec = netfilterBody(
  attributes({
    table: [1, text],
    set: [2, text],
    elements: [nested(3), list(nested(NFTA_LIST_ELEM), elementCodec)],
  }),
);

type ElementAttributes = ReturnType<typeof elementCodec.decode>;

/** NFT_SET_ELEM_INTERVAL_END: where a range of a single field has ended. */
const INTERVAL_END = 0x1;

/** One entry of a set or map. */
export interface Element {
  readonly key: readonly Value[];
  /** The last of a range, with as many fields as `key`; only in sets of ranges. */
  readonly keyEnd?: readonly Value[];
  readonly data?: readonly Value[] | Verdict;
  /** What `nft list` shows behind it; of us: the owner. */
  readonly comment?: string;
}

/** Adds to a set. What is there with the same data is left as it is; `exclusive`: EEXIST then. */
export function addElements(table: TableName, set: SetType, elements: readonly Element[], exclusive = false): Request {
  const flags = RequestFlag.create | (exclusive ? RequestFlag.exclusive : 0);
  const value = { table: table.name, set: set.name, elements: elements.flatMap((element) => written(set, element)) };
  return nftablesRequest(`add to ${set.name}`, MessageType.newElements, flags, table, codec, value);
}

/** Removes from a set by key alone: ENOENT, and the whole transaction void, when one is not there. */
export function deleteElements(table: TableName, set: SetType, elements: readonly Element[]): Request {
  const keys = elements.flatMap(({ key, keyEnd }) => written(set, keyEnd ? { key, keyEnd } : { key }));
  const value = { table: table.name, set: set.name, elements: keys };
  return nftablesRequest(`delete from ${set.name}`, MessageType.deleteElements, 0, table, codec, value);
}

/** The entry with exactly this key (in a set of ranges: the range that holds it), found without listing the set. */
export function findElement(
  socket: NetlinkSocket,
  table: TableName,
  set: SetType,
  { key, keyEnd }: Element,
): Element | undefined {
  const value = { table: table.name, set: set.name, elements: written(set, keyEnd ? { key, keyEnd } : { key }) };
  const request = nftablesRequest(`look into ${set.name}`, MessageType.getElements, 0, table, codec, value);
  const answer = unless(["ENOENT"], () => socket.request(request))?.[0];
  return answer && readElements(set, codec.decode(answer.body).elements ?? [])[0];
}

/** All entries of a set. */
export function listElements(socket: NetlinkSocket, table: TableName, set: SetType): Element[] {
  const value = { table: table.name, set: set.name };
  const request = nftablesRequest(`list ${set.name}`, MessageType.getElements, 0, table, codec, value);
  const answers = socket.dump(request).flatMap(({ body }) => codec.decode(body).elements ?? []);
  return readElements(set, answers);
}

function written(set: SetType, element: Element): ElementAttributes[] {
  const key = { value: encodeFields(set.key, element.key) };
  const start: ElementAttributes = { key, ...writtenData(set, element), ...writtenComment(element) };
  if (!set.interval) return [start];
  const end = encodeFields(set.key, element.keyEnd ?? element.key);
  if (set.key.length > 1) return [{ ...start, keyEnd: { value: end } }];
  // A range of one field is two elements: its first key, and the key after its last.
  const after = plusOne(end);
  return after === undefined ? [start] : [start, { key: { value: after }, flags: INTERVAL_END }];
}

function writtenData(set: SetType, { data }: Element): Pick<ElementAttributes, "data"> {
  if (data === undefined || set.data === undefined) return {};
  if (set.data === "verdict") return { data: { verdict: data as Verdict } };
  return { data: { value: encodeFields(set.data, data as readonly Value[]) } };
}

function writtenComment({ comment }: Element): Pick<ElementAttributes, "comment"> {
  return comment === undefined ? {} : { comment };
}

/** The number after `bytes` in network order; undefined after the last. */
function plusOne(bytes: Uint8Array): Uint8Array | undefined {
  const next = Uint8Array.from(bytes);
  for (let i = next.length - 1; i >= 0; i--) {
    next[i] = (next[i] ?? 0) + 1;
    if (next[i] !== 0) return next;
  }
  return undefined;
}

function readElements(set: SetType, elements: readonly ElementAttributes[]): Element[] {
  return elements
    .filter(({ flags = 0 }) => (flags & INTERVAL_END) === 0)
    .map(({ key, keyEnd, data, comment }) => ({
      key: decodeFields(set.key, key?.value ?? new Uint8Array()),
      ...(keyEnd?.value ? { keyEnd: decodeFields(set.key, keyEnd.value) } : {}),
      ...(data?.verdict ? { data: data.verdict } : {}),
      ...(data?.value && Array.isArray(set.data) ? { data: decodeFields(set.data, data.value) } : {}),
      ...(comment === undefined ? {} : { comment }),
    }));
}
