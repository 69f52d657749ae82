import { expect, test } from "vitest";
import { type LinkInfo, linkBody } from "../../../src/rtnetlink/link.ts";
import { answers, requests } from "./captures.ts";
import { expectPart, expectSame, onlyMessage, write } from "./compare.ts";

const HEADER = 16;
const zero = { family: 0, type: 0, index: 0, flags: 0, change: 0 };
const ethernet = {
  family: 0,
  type: 1,
  change: 0,
  mtu: 1500,
  txQueueLength: 1000,
  promiscuity: 0,
  group: 0,
  carrier: true,
};

type Value = ReturnType<typeof linkBody.decode>;

const asked: [name: keyof typeof requests, value: Value][] = [
  [
    "veth with peer",
    {
      ...zero,
      name: "v0",
      mac: "02:00:00:00:00:01",
      info: { kind: "veth", data: { peer: { ...zero, name: "v1", mac: "02:00:00:00:00:02" } } },
    } as Value,
  ],
  [
    "bridge",
    {
      ...zero,
      name: "br0",
      info: {
        kind: "bridge",
        data: { ageingTime: 30000, stpState: 0, vlanFiltering: false, groupForwardMask: 8, multicastSnooping: false },
      },
    },
  ],
  ["port of a bridge", { ...zero, index: 3, master: 5 }],
  ["up", { ...zero, index: 3, flags: 1, change: 1 }],
  ["alias", { ...zero, index: 3, alias: "berth/net/c1/eth0" }],
  ["group", { ...zero, group: 7 }],
  [
    "macvlan",
    { ...zero, name: "mv0", link: 2, info: { kind: "macvlan", data: { mode: 4, broadcastQueueLength: 500 } } },
  ],
  [
    "vxlan",
    {
      ...zero,
      name: "vx0",
      info: {
        kind: "vxlan",
        data: {
          vni: 42,
          local: expect.objectContaining({ family: 4, value: 0xc0000201n }),
          ttl: 5,
          learning: false,
          proxy: true,
          l2miss: true,
          l3miss: true,
          port: 4789,
          udpChecksum: false,
          udpZeroChecksum6Tx: true,
          udpZeroChecksum6Rx: true,
        },
      } as LinkInfo,
    },
  ],
  [
    "vlan",
    {
      ...zero,
      name: "vl0",
      link: 2,
      info: {
        kind: "vlan",
        data: { id: 100, protocol: 0x88a8, egressQos: [{ from: 1, to: 2 }], ingressQos: [{ from: 3, to: 4 }] },
      },
    },
  ],
  ["ipvlan", { ...zero, name: "ipv0", link: 2, info: { kind: "ipvlan", data: { mode: 2, flags: 1 } } }],
  ["vrf", { ...zero, name: "vrf0", info: { kind: "vrf", data: { table: 100 } } }],
];

test.each(asked)("iproute2's request is read and written: %s", (name, expected) => {
  const message = onlyMessage(requests[name]);
  const value = linkBody.decode(message.body);
  expect(value).toEqual(expected);
  expectSame(write(linkBody, message, value).body, message.body, HEADER);
});

test("a link is asked for by an alternative name as iproute2 does", () => {
  const message = onlyMessage(requests["link by an alternative name"]);
  const value = linkBody.decode(message.body);
  expect(value).toEqual({ ...zero, alternativeName: "a-name-that-is-longer-than-names-are" });
  // iproute2 asks besides to be spared the statistics.
  expectPart(write(linkBody, message, value).body, message.body, HEADER);
});

const told: [name: keyof typeof answers, value: Value][] = [
  [
    "veth that is a port of a bridge",
    {
      ...ethernet,
      index: 3,
      // IFF_UP, IFF_BROADCAST, IFF_RUNNING, IFF_MULTICAST, IFF_LOWER_UP
      flags: 0x11043,
      name: "v0",
      mac: "02:00:00:00:00:01",
      operState: 6,
      promiscuity: 1,
      master: 5,
      link: 2,
      alias: "berth/net/c1/eth0",
      info: {
        kind: "veth",
        port: {
          kind: "bridge",
          data: {
            state: 3,
            hairpin: true,
            learning: true,
            unicastFlood: true,
            proxyArp: false,
            neighbourSuppression: false,
            isolated: true,
          },
        },
      },
    },
  ],
  [
    "link of a device",
    {
      ...ethernet,
      index: 2,
      flags: 0x1002,
      name: "eth0",
      mac: "52:54:00:00:00:01",
      permanentMac: "52:54:00:00:00:01",
      operState: 2,
      deviceName: "virtio0",
      deviceBus: "virtio",
    },
  ],
  [
    "bridge",
    {
      ...ethernet,
      index: 5,
      flags: 0x11043,
      name: "br0",
      mac: "02:00:00:00:00:09",
      operState: 6,
      info: {
        kind: "bridge",
        data: { ageingTime: 30000, stpState: 0, vlanFiltering: false, groupForwardMask: 0, multicastSnooping: true },
      },
    },
  ],
  [
    "macvlan",
    {
      ...ethernet,
      index: 6,
      flags: 0x1002,
      name: "mv0",
      mac: expect.stringMatching(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/),
      operState: 2,
      link: 2,
      info: { kind: "macvlan", data: { mode: 4, flags: 0, broadcastQueueLength: 500 } },
    },
  ],
  [
    "vxlan",
    {
      ...ethernet,
      index: 8,
      flags: 0x1002,
      name: "vx0",
      mac: expect.any(String),
      operState: 2,
      info: {
        kind: "vxlan",
        data: {
          vni: 42,
          local: expect.objectContaining({ family: 4, value: 0xc0000201n }),
          ttl: 5,
          learning: false,
          ageing: 300,
          proxy: true,
          l2miss: false,
          l3miss: false,
          port: 4789,
          udpChecksum: true,
          udpZeroChecksum6Tx: false,
          udpZeroChecksum6Rx: false,
        },
      } as LinkInfo,
    },
  ],
  [
    "loopback",
    {
      ...ethernet,
      // ARPHRD_LOOPBACK
      type: 772,
      index: 1,
      flags: 0x10049,
      name: "lo",
      mac: "00:00:00:00:00:00",
      mtu: 65536,
      operState: 0,
    },
  ],
];

test.each(told)(
  "the kernel's answer is read, and what is read is written as the kernel has it: %s",
  (name, expected) => {
    const message = onlyMessage(answers[name]);
    const value = linkBody.decode(message.body);
    expect(value).toEqual(expected);
    expectPart(write(linkBody, message, value).body, message.body, HEADER);
  },
);
