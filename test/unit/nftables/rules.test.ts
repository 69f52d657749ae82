import { describe, expect, test } from "vitest";
import { Address } from "../../../src/ip/address.ts";
import { Prefix } from "../../../src/ip/prefix.ts";
import { list, nested } from "../../../src/netlink/attributes.ts";
import { Writer } from "../../../src/netlink/writer.ts";
import { accept, drop, goto, jump, leave } from "../../../src/nftables/data.ts";
import { type Expression, expression } from "../../../src/nftables/expressions.ts";
import { destination, destinationPort, iifname, l4proto, oifname, source } from "../../../src/nftables/fields.ts";
import {
  ConnectionState,
  connectionIs,
  is,
  isDestinationTranslated,
  isFamily,
  isForHost,
  isIn,
  masquerade,
  notWithin,
  type Statement,
  translateDestination,
  translateSourceTo,
  verdict,
  verdictOf,
  within,
} from "../../../src/nftables/statements.ts";
import { captures } from "./captures.ts";

const NFTA_LIST_ELEM = 1;
const expressions = list(nested(NFTA_LIST_ELEM), expression);

const names = { name: "names", key: ["ifname"] } as const;
const pairs = { name: "pairs", key: ["ipv4_addr", "ipv4_addr"], interval: true } as const;
const ports = { name: "ports", key: ["inet_proto", "inet_service"], data: ["ipv4_addr", "inet_service"] } as const;
const ports6 = {
  name: "ports6",
  key: ["ipv6_addr", "inet_proto", "inet_service"],
  data: ["ipv6_addr", "inet_service"],
} as const;
const verdicts = { name: "verdicts", key: ["ipv4_addr"], data: "verdict" } as const;

/** The kernel demands NLA_F_NESTED of what it reads, and leaves it out of what it tells. */
class PlainWriter extends Writer {
  override attribute(type: number, body: () => void): void {
    super.attribute(type & 0x3fff, body);
  }
}

/** The same rules in our words. */
const ours: Readonly<Record<string, readonly Statement[]>> = {
  "iifname @names drop": [within([iifname], names), verdict(drop)],
  "oifname != @names drop": [notWithin([oifname], names), verdict(drop)],
  "ip saddr . ip daddr @pairs accept": [isFamily(4), within([source[4], destination[4]], pairs), verdict(accept)],
  "meta nfproto ipv4 dnat ip to meta l4proto . th dport map @ports": [
    isFamily(4),
    translateDestination(4, [l4proto, destinationPort], ports),
  ],
  "dnat ip6 to ip6 daddr . meta l4proto . th dport map @ports6": [
    isFamily(6),
    translateDestination(6, [destination[6], l4proto, destinationPort], ports6),
  ],
  "ip saddr vmap @verdicts": [isFamily(4), verdictOf([source[4]], verdicts)],
  "ct state established,related accept": [
    connectionIs(ConnectionState.established | ConnectionState.related),
    verdict(accept),
  ],
  "ct status dnat return": [isDestinationTranslated, verdict(leave)],
  "fib daddr type local jump other": [isForHost, verdict(jump("other"))],
  "ip daddr 224.0.0.0/4 return": [isFamily(4), isIn(destination[4], Prefix.parse("224.0.0.0/4")), verdict(leave)],
  "ip daddr 10.1.2.0/23 drop": [isFamily(4), isIn(destination[4], Prefix.parse("10.1.2.0/23")), verdict(drop)],
  "ip6 daddr ::1 return": [isFamily(6), is(destination[6], Address.parse("::1")), verdict(leave)],
  "meta nfproto ipv4 snat ip to 192.0.2.7": [isFamily(4), translateSourceTo(Address.parse("192.0.2.7"))],
  masquerade: [masquerade],
  "meta l4proto icmp goto other": [is(l4proto, 1), verdict(goto("other"))],
};

describe.each(captures)("%s", (rule, hex) => {
  const bytes = Buffer.from(hex, "hex");
  const decoded = expressions.decode(bytes);

  test("is read and written byte for byte", () => {
    const out = new PlainWriter();
    expressions.encode(decoded, out);
    expect(out.bytes.toString("hex")).toBe(hex);
  });

  test.skipIf(ours[rule] === undefined)("is what our statements make", () => {
    expect(comparable((ours[rule] ?? []).flat())).toEqual(comparable(decoded));
  });
});

test("there is a capture for each rule in our words", () => {
  expect(captures.map(([rule]) => rule)).toEqual(expect.arrayContaining(Object.keys(ours)));
});

test("an expression that is not known is an error, not a gap", () => {
  const out = new Writer();
  out.attribute(1, () => out.raw(Buffer.from("xfrm\0")));
  expect(() => expression.decode(out.bytes)).toThrow("Cannot read expression xfrm: not known here");
});

/**
 * The kernel tells what was left out as well: flags of 0, the end of a range where it is its start, and of nat that there
 * is an address (NF_NAT_RANGE_MAP_IPS, 1) and a port (NF_NAT_RANGE_PROTO_SPECIFIED, 2).
 */
function comparable(list: readonly Expression[]): unknown[] {
  return list.map((item) => {
    const values: Record<string, unknown> = { ...item };
    const isDefault = (key: string) =>
      (key === "flags" && Number(values[key]) >>> (item.name === "nat" ? 2 : 0) === 0) ||
      (key.endsWith("Max") && values[key] === values[key.replace("Max", "Min")]);
    const told = Object.entries(values).filter(([key]) => !isDefault(key));
    return Object.fromEntries(told.map(([key, value]) => [key, plain(value)]));
  });
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}
