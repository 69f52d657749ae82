import type { Address, Family } from "../ip/address.ts";
import type { Prefix } from "../ip/prefix.ts";
import type { Verdict } from "./data.ts";
import type { Expression } from "./expressions.ts";
import { type Field, loadAll, nfproto } from "./fields.ts";
import type { SetType } from "./sets.ts";
import { encodeFields, type Value } from "./types.ts";

/** Part of a rule: what must hold of a packet, or what is done with it. */
export type Statement = readonly Expression[];

const REGISTER = 1;
const Comparison = { equal: 0, notEqual: 1 } as const;
const NFT_LOOKUP_F_INV = 1;

function compare(op: number, field: Field, value: Value): Statement {
  return [
    ...loadAll([field]),
    { name: "cmp", sreg: REGISTER, op, data: { value: encodeFields([field.type], [value]) } },
  ];
}

export function is(field: Field, value: Value): Statement {
  return compare(Comparison.equal, field, value);
}

export function isNot(field: Field, value: Value): Statement {
  return compare(Comparison.notEqual, field, value);
}

/** The packet is of this family: to be said before its addresses are looked at, in a table of the family inet. */
export function isFamily(family: Family): Statement {
  const NFPROTO = { 4: 2, 6: 10 };
  return is(nfproto, NFPROTO[family]);
}

/** An address field lies within a prefix. */
export function isIn(field: Field, prefix: Prefix): Statement {
  return masked(Comparison.equal, field, prefix);
}

export function isNotIn(field: Field, prefix: Prefix): Statement {
  return masked(Comparison.notEqual, field, prefix);
}

function masked(op: number, field: Field, prefix: Prefix): Statement {
  const value = prefix.first.bytes;
  const mask = value.map((_, i) => 0xff << (8 - Math.min(8, Math.max(0, prefix.length - 8 * i))));
  const bitwise = { name: "bitwise", sreg: REGISTER, dreg: REGISTER, len: value.length, op: 0 } as const;
  return [
    ...loadAll([field]),
    { ...bitwise, mask: { value: mask }, xor: { value: new Uint8Array(value.length) } },
    { name: "cmp", sreg: REGISTER, op, data: { value } },
  ];
}

/** NFT_CT_STATE, NFT_CT_STATUS. */
const CtKey = { state: 0, status: 2 } as const;
/** NF_CT_STATE_BIT of linux/netfilter/nf_conntrack_common.h. */
export const ConnectionState = { invalid: 1, established: 2, related: 4, new: 8 } as const;
const IPS_DST_NAT = 1 << 5;

function hasBit(key: number, bits: number): Statement {
  return [
    { name: "ct", key, dreg: REGISTER },
    {
      name: "bitwise",
      sreg: REGISTER,
      dreg: REGISTER,
      len: 4,
      op: 0,
      mask: { value: hostOrder(bits) },
      xor: { value: hostOrder(0) },
    },
    { name: "cmp", sreg: REGISTER, op: Comparison.notEqual, data: { value: hostOrder(0) } },
  ];
}

/** The connection is in one of these states, a sum of {@link ConnectionState}. */
export function connectionIs(states: number): Statement {
  return hasBit(CtKey.state, states);
}

/** The connection's destination was translated, by anybody. */
export const isDestinationTranslated: Statement = hasBit(CtKey.status, IPS_DST_NAT);

function hostOrder(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** The packet is for an address of this host. */
export const isForHost: Statement = [
  { name: "fib", flags: 2 /* NFTA_FIB_F_DADDR */, result: 3 /* NFT_FIB_RESULT_ADDRTYPE */, dreg: REGISTER },
  { name: "cmp", sreg: REGISTER, op: Comparison.equal, data: { value: hostOrder(2 /* RTN_LOCAL */) } },
];

/** The fields together are an element of a set. */
export function within(fields: readonly Field[], set: SetType): Statement {
  return [...loadAll(fields), { name: "lookup", set: set.name, sreg: REGISTER }];
}

export function notWithin(fields: readonly Field[], set: SetType): Statement {
  return [...loadAll(fields), { name: "lookup", set: set.name, sreg: REGISTER, flags: NFT_LOOKUP_F_INV }];
}

/** The verdict that a map holds for the fields; without one, the next rule's turn. */
export function verdictOf(fields: readonly Field[], map: SetType): Statement {
  return [...loadAll(fields), { name: "lookup", set: map.name, sreg: REGISTER, dreg: 0 }];
}

export function verdict(verdict: Verdict): Statement {
  return [{ name: "immediate", dreg: 0, data: { verdict } }];
}

const NatType = { source: 0, destination: 1 } as const;
const NFPROTO = { 4: 2, 6: 10 } as const;

/** Translates to the address, and the port where the map has one, that a map holds for the fields. */
function translate(type: number, family: Family, fields: readonly Field[], map: SetType): Statement {
  // Behind an address of 4 or 16 bytes in the first register stands the port.
  const portMin = Array.isArray(map.data) && map.data.length > 1 ? { portMin: family === 4 ? 9 : 2 } : {};
  return [
    ...loadAll(fields),
    { name: "lookup", set: map.name, sreg: REGISTER, dreg: REGISTER },
    { name: "nat", type, family: NFPROTO[family], addressMin: REGISTER, ...portMin },
  ];
}

export function translateDestination(family: Family, fields: readonly Field[], map: SetType): Statement {
  return translate(NatType.destination, family, fields, map);
}

export function translateSource(family: Family, fields: readonly Field[], map: SetType): Statement {
  return translate(NatType.source, family, fields, map);
}

export function translateSourceTo(address: Address): Statement {
  return [
    { name: "immediate", dreg: REGISTER, data: { value: address.bytes } },
    { name: "nat", type: NatType.source, family: NFPROTO[address.family], addressMin: REGISTER },
  ];
}

/** Gives the packet the address of the interface that it leaves by. */
export const masquerade: Statement = [{ name: "masq" }];
