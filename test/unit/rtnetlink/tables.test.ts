import { expect, test } from "vitest";
import { Address } from "../../../src/ip/address.ts";
import type { BodyCodec } from "../../../src/netlink/message.ts";
import { addressBody } from "../../../src/rtnetlink/address.ts";
import { portBody } from "../../../src/rtnetlink/bridgevlan.ts";
import { neighbourBody } from "../../../src/rtnetlink/neighbour.ts";
import { routeBody } from "../../../src/rtnetlink/route.ts";
import { ruleBody } from "../../../src/rtnetlink/rule.ts";
import { answers, requests } from "./captures.ts";
import { expectPart, expectSame, onlyMessage, write } from "./compare.ts";

const ip = (text: string) => Address.parse(text);

const addressZero = { family: 2, scope: 0, index: 5 };
const route = { family: 2, destinationLength: 16, sourceLength: 0, tos: 0, protocol: 3, scope: 0, type: 1, flags: 0 };
const rule = { family: 2, destinationLength: 0, sourceLength: 24, tos: 0, action: 1, flags: 0 };
const neighbour = { family: 2, link: 5, state: 0x80, flags: 0, type: 0 };
const port = { family: 7, type: 0, index: 3, flags: 0, change: 0 };
const flood = {
  family: 7,
  link: 8,
  state: 0xc0,
  flags: 2,
  mac: "00:00:00:00:00:00",
  destination: ip("192.0.2.7"),
  port: 4790,
  vni: 43,
};
const hop = (link: number, gateway: string, flags = 0) => ({ link, gateway: ip(gateway), flags });

// biome-ignore lint/suspicious/noExplicitAny: each row has a codec of its own
type Row<Name> = [name: Name, codec: BodyCodec<any, any>, header: number, value: object];

const asked: Row<keyof typeof requests>[] = [
  [
    "address of IPv4",
    addressBody,
    8,
    { ...addressZero, prefixLength: 24, local: ip("10.1.0.1"), peer: ip("10.1.0.1"), broadcast: ip("10.1.0.255") },
  ],
  ["no address", addressBody, 8, { ...addressZero, prefixLength: 24, local: ip("10.1.0.1"), peer: ip("10.1.0.1") }],
  [
    "route",
    routeBody,
    12,
    { ...route, destination: ip("10.8.0.0"), gateway: ip("10.1.0.8"), link: 5, priority: 7, table: 1000 },
  ],
  [
    "route with metrics",
    routeBody,
    12,
    {
      ...route,
      destination: ip("10.9.0.0"),
      gateway: ip("10.1.0.8"),
      link: 5,
      table: 1000,
      metrics: { mtu: 1280, advmss: 1200 },
    },
  ],
  ["route to a link", routeBody, 12, { ...route, scope: 253, destination: ip("10.10.0.0"), link: 5, table: 1000 }],
  [
    "multipath",
    routeBody,
    12,
    { ...route, destination: ip("10.11.0.0"), table: 1000, hops: [hop(5, "10.1.0.8"), hop(5, "10.1.0.9", 4)] },
  ],
  [
    "weighted multipath",
    routeBody,
    12,
    {
      ...route,
      destination: ip("10.11.0.0"),
      table: 1000,
      hops: [{ ...hop(3, "10.1.0.8"), weight: 2 }, hop(3, "10.1.0.9", 4)],
    },
  ],
  [
    "default of IPv6",
    routeBody,
    12,
    {
      ...route,
      family: 10,
      destinationLength: 0,
      destination: ip("::"),
      gateway: ip("fd00:1::8"),
      link: 5,
      table: 1000,
    },
  ],
  [
    "multipath of IPv6",
    routeBody,
    12,
    {
      ...route,
      family: 10,
      destinationLength: 64,
      destination: ip("fd00:9::"),
      table: 1000,
      hops: [hop(5, "fd00:1::8"), hop(5, "fd00:1::9")],
    },
  ],
  [
    "replace",
    routeBody,
    12,
    { ...route, destination: ip("10.8.0.0"), gateway: ip("10.1.0.9"), link: 5, priority: 7, table: 1000 },
  ],
  [
    "delete route",
    routeBody,
    12,
    { ...route, protocol: 0, scope: 255, type: 0, destination: ip("10.8.0.0"), priority: 7, table: 1000 },
  ],
  ["rule", ruleBody, 12, { ...rule, source: ip("10.1.0.0"), table: 1000, priority: 500 }],
  ["rule of IPv6", ruleBody, 12, { ...rule, family: 10, sourceLength: 128, source: ip("fd00:1::5"), table: 1000 }],
  ["neighbour", neighbourBody, 12, { ...neighbour, destination: ip("10.1.0.5"), mac: "02:00:00:00:00:05" }],
  [
    "neighbour of IPv6",
    neighbourBody,
    12,
    { ...neighbour, family: 10, destination: ip("fd00:1::5"), mac: "02:00:00:00:00:05" },
  ],
  ["proxy", neighbourBody, 12, { ...neighbour, flags: 8, destination: ip("10.1.0.6") }],
  ["FDB", neighbourBody, 12, { ...flood, type: 0 }],
  ["FDB delete", neighbourBody, 12, { ...flood, type: 0 }],
  ["VLANs of a port", portBody, 16, { ...port, vlans: [{ flags: 6, id: 100 }] }],
  [
    "range of VLANs",
    portBody,
    16,
    {
      ...port,
      vlans: [
        { flags: 8, id: 200 },
        { flags: 16, id: 210 },
      ],
    },
  ],
  ["delete VLAN", portBody, 16, { ...port, vlans: [{ flags: 0, id: 1 }] }],
];

test.each(asked)("iproute2's request is read and written: %s", (name, codec, header, expected) => {
  const message = onlyMessage(requests[name]);
  expect(codec.decode(message.body)).toEqual(expected);
  const { body, ...rest } = write(codec, message, expected);
  expectSame(body, message.body, header);
  expect(rest).toEqual({ type: message.type, flags: message.flags, sequence: message.sequence });
});

const kernelRoute = { ...route, table: 254 };

const told: Row<keyof typeof answers>[] = [
  [
    "address of IPv4",
    addressBody,
    8,
    {
      ...addressZero,
      prefixLength: 24,
      local: ip("10.1.0.1"),
      peer: ip("10.1.0.1"),
      label: "br0",
      broadcast: ip("10.1.0.255"),
      // IFA_F_PERMANENT
      flags: 0x80,
    },
  ],
  // Of IPv6 the kernel tells IFA_ADDRESS alone, and IFA_F_NODAD beside IFA_F_PERMANENT.
  [
    "address of IPv6",
    addressBody,
    8,
    { ...addressZero, family: 10, prefixLength: 64, peer: ip("fd00:1::1"), flags: 0x82 },
  ],
  [
    "route with metrics",
    routeBody,
    12,
    {
      ...kernelRoute,
      destination: ip("10.9.0.0"),
      gateway: ip("10.1.0.8"),
      link: 5,
      metrics: { mtu: 1280, advmss: 1200 },
    },
  ],
  [
    "multipath",
    routeBody,
    12,
    { ...route, table: 1000, destination: ip("10.11.0.0"), hops: [hop(5, "10.1.0.8"), hop(5, "10.1.0.9", 4)] },
  ],
  [
    "multipath of IPv6",
    routeBody,
    12,
    {
      ...route,
      family: 10,
      destinationLength: 64,
      table: 1000,
      destination: ip("fd00:9::"),
      priority: 1024,
      hops: [hop(5, "fd00:1::8"), hop(5, "fd00:1::9")],
    },
  ],
  // Red Hat's init scripts add this route. To the kernel it is of IPv6, whatever a CNI plugin takes the address for.
  [
    "IPv4-mapped",
    routeBody,
    12,
    {
      ...kernelRoute,
      family: 10,
      destinationLength: 96,
      type: 7,
      destination: new Address(6, 0xffff_0000_0000n),
      priority: 1024,
      link: 1,
    },
  ],
  ["route of a table", routeBody, 12, { ...route, scope: 253, table: 1000, destination: ip("10.10.0.0"), link: 5 }],
  [
    "what way",
    routeBody,
    12,
    {
      ...kernelRoute,
      destinationLength: 32,
      protocol: 0,
      // RTM_F_CLONED
      flags: 0x200,
      destination: ip("10.9.1.1"),
      link: 5,
      preferredSource: ip("10.1.0.1"),
      gateway: ip("10.1.0.8"),
      metrics: { mtu: 1280, advmss: 1200 },
    },
  ],
  ["rule", ruleBody, 12, { ...rule, table: 1000, priority: 500, source: ip("10.1.0.0") }],
  ["neighbour", neighbourBody, 12, { ...neighbour, type: 1, destination: ip("10.1.0.5"), mac: "02:00:00:00:00:05" }],
  ["FDB", neighbourBody, 12, { ...flood, type: 1 }],
];

/** The byte of `struct rtmsg` that holds a table's number if it is less than 256: RTA_TABLE holds any, so it is not read. */
function withoutTable(body: Buffer, codec: unknown): Buffer {
  const copy = Buffer.from(body);
  if (codec === routeBody || codec === ruleBody) copy[4] = 0;
  // The flags of an address that fit in a byte stand in the struct as well (IFA_FLAGS holds all).
  if (codec === addressBody) copy[2] = 0;
  return copy;
}

test.each(told)(
  "the kernel's answer is read, and what is read is written as the kernel has it: %s",
  (name, codec, header, expected) => {
    const message = onlyMessage(answers[name]);
    expect(codec.decode(message.body)).toEqual(expected);
    expectPart(write(codec, message, expected).body, withoutTable(message.body, codec), header);
  },
);

test("an IPv6 address is asked for with its flags in the struct, where iproute2 has them, or in an attribute", () => {
  const message = onlyMessage(requests["address of IPv6"]);
  expect(addressBody.decode(message.body)).toEqual({
    ...addressZero,
    family: 10,
    prefixLength: 64,
    local: ip("fd00:1::1"),
    peer: ip("fd00:1::1"),
  });
  expect(message.body.readUInt8(2)).toBe(0x02);
});
