import { type AttributesOf, attributes, nested, readAttributes } from "../netlink/attributes.ts";
import { be16, be32, be64, type Codec, text, u8 } from "../netlink/codec.ts";
import { data } from "./data.ts";

/**
 * Every expression that we know, by the kernel's name: attribute, kernel type, codec (linux/netfilter/nf_tables.h).
 * Registers are numbers: 0 the verdict, 1–4 of 16 bytes, from 8 on of 4 bytes over the same storage.
 */
const table = {
  immediate: { dreg: [1, be32], data: [nested(2), data] },
  cmp: { sreg: [1, be32], op: [2, be32], data: [nested(3), data] },
  range: { sreg: [1, be32], op: [2, be32], from: [nested(3), data], to: [nested(4), data] },
  bitwise: {
    sreg: [1, be32],
    dreg: [2, be32],
    len: [3, be32],
    op: [6, be32],
    mask: [nested(4), data],
    xor: [nested(5), data],
    data: [nested(7), data],
  },
  byteorder: { sreg: [1, be32], dreg: [2, be32], op: [3, be32], len: [4, be32], size: [5, be32] },
  lookup: { set: [1, text], sreg: [2, be32], dreg: [3, be32], setID: [4, be32], flags: [5, be32] },
  payload: {
    dreg: [1, be32],
    sreg: [5, be32],
    base: [2, be32],
    offset: [3, be32],
    len: [4, be32],
    checksumType: [6, be32],
    checksumOffset: [7, be32],
    checksumFlags: [8, be32],
  },
  meta: { key: [2, be32], dreg: [1, be32], sreg: [3, be32] },
  ct: { dreg: [1, be32], sreg: [4, be32], key: [2, be32], direction: [3, u8] },
  fib: { dreg: [1, be32], result: [2, be32], flags: [3, be32] },
  nat: {
    type: [1, be32],
    family: [2, be32],
    addressMin: [3, be32],
    addressMax: [4, be32],
    portMin: [5, be32],
    portMax: [6, be32],
    flags: [7, be32],
  },
  masq: { flags: [1, be32], portMin: [2, be32], portMax: [3, be32] },
  redir: { portMin: [1, be32], portMax: [2, be32], flags: [3, be32] },
  reject: { type: [1, be32], code: [2, u8] },
  limit: { rate: [1, be64], unit: [2, be64], burst: [3, be32], type: [4, be32], flags: [5, be32] },
  counter: { bytes: [1, be64], packets: [2, be64] },
  quota: { bytes: [1, be64], flags: [2, be32], consumed: [4, be64] },
  connlimit: { count: [1, be32], flags: [2, be32] },
  numgen: { dreg: [1, be32], modulus: [2, be32], type: [3, be32], offset: [4, be32] },
  hash: {
    sreg: [1, be32],
    dreg: [2, be32],
    len: [3, be32],
    modulus: [4, be32],
    seed: [5, be32],
    offset: [6, be32],
    type: [7, be32],
  },
  log: {
    prefix: [2, text],
    group: [1, be16],
    snaplen: [3, be32],
    threshold: [4, be16],
    level: [5, be32],
    flags: [6, be32],
  },
  dup: { address: [1, be32], device: [2, be32] },
  fwd: { device: [1, be32], address: [2, be32], family: [3, be32] },
  dynset: {
    set: [1, text],
    setID: [2, be32],
    op: [3, be32],
    key: [4, be32],
    data: [5, be32],
    timeout: [6, be64],
    flags: [9, be32],
  },
  notrack: {},
} as const;

type Table = typeof table;

/** One step of a rule: `{ name: "cmp", sreg: 1, op: 0, data: { value } }`. */
export type Expression = { [Name in keyof Table]: { readonly name: Name } & AttributesOf<Table[Name]> }[keyof Table];

const NFTA_EXPR_NAME = 1;
const NFTA_EXPR_DATA = 2;

const codecs: Readonly<Record<string, Codec<object>>> = Object.fromEntries(
  Object.entries(table).map(([name, set]) => [name, attributes(set)]),
);

/** @throws RangeError on reading an expression that is not in the table. */
export const expression: Codec<Expression> = {
  encode({ name, ...value }, out) {
    out.attribute(NFTA_EXPR_NAME, () => text.encode(name, out));
    out.attribute(nested(NFTA_EXPR_DATA), () => codecs[name]?.encode(value, out));
  },
  decode(bytes) {
    const [name, value] = Array.from(readAttributes(bytes), ({ payload }) => payload);
    const known = text.decode(name ?? Buffer.alloc(0));
    const codec = codecs[known];
    if (codec === undefined) throw new RangeError(`Cannot read expression ${known}: not known here`);
    return { name: known, ...codec.decode(value ?? Buffer.alloc(0)) } as Expression;
  },
};
