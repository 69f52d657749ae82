import { expect, test } from "vitest";
import { Address } from "../../../src/ip/address.ts";
import { Prefix } from "../../../src/ip/prefix.ts";
import { checkAgainstHost, checkPeers, readPeers, requireSubnets } from "../../../src/overlay/peer.ts";

const details = (read: () => unknown): string => {
  try {
    read();
  } catch (error) {
    return String((error as { details?: string }).details);
  }
  throw new Error("nothing was refused");
};

test("a peer has the MAC that derives from its address, and subnets without host bits", () => {
  const [peer] = readPeers([{ ip: "10.0.0.2", subnet: "10.244.2.1/24" }], "peers");
  expect(peer?.mac).toBe("02:42:0a:00:00:02");
  expect(String(peer?.subnets)).toBe("10.244.2.0/24");
});

test("keys are read without regard to case, and null is nothing", () => {
  const [peer] = readPeers([{ IP: "10.0.0.2", Subnet: ["10.244.2.0/24", "fd00:2::/64"], MAC: null }], "peers");
  expect(peer?.subnets.join(" ")).toBe("10.244.2.0/24 fd00:2::/64");
  expect(peer?.mac).toBe("02:42:0a:00:00:02");
});

test.each([
  [{}, "peers: found {}, allowed: an array of objects with ip"],
  [["10.0.0.2"], 'peers[0]: found "10.0.0.2", allowed: an object with ip'],
  [[{ ip: 7 }], "peers[0].ip: found 7, allowed: a unicast IP address of the host"],
  [[{ ip: "fe80::1" }], 'peers[0].ip: found "fe80::1"'],
  [[{ ip: "0.0.0.0" }], 'peers[0].ip: found "0.0.0.0"'],
  [[{ ip: "127.0.0.1" }], 'peers[0].ip: found "127.0.0.1"'],
  [[{ ip: "10.0.0.2", subnet: "0.0.0.0/0" }], 'peers[0].subnet: found "0.0.0.0/0"'],
  [[{ ip: "10.0.0.2", subnet: ["10.1.0.0/24", 7] }], "peers[0].subnet: found 7"],
  [[{ ip: "10.0.0.2", mac: "00:00:00:00:00:00" }], 'peers[0].mac: found "00:00:00:00:00:00"'],
  [[{ ip: "10.0.0.2", endpoints: {} }], "peers[0].endpoints: found {}"],
  [[{ ip: "10.0.0.2", endpoints: [{ ip: "10.1.0.1" }] }], "peers[0].endpoints[0].mac: found nothing"],
])("%j is refused", (raw, expected) => {
  expect(details(() => readPeers(raw, "peers"))).toContain(expected);
});

test.each([
  [[{ ip: "10.0.0.2" }, { ip: "10.0.0.2" }], "peers[1].ip"],
  [[{ ip: "10.0.0.2" }, { ip: "10.0.0.3", mac: "02:42:0a:00:00:02" }], "peers[1].mac"],
  [
    [
      { ip: "10.0.0.2", subnet: "10.1.0.0/16" },
      { ip: "10.0.0.3", subnet: "10.1.5.0/24" },
    ],
    'peers[1].subnet: found "10.1.5.0/24", allowed: one that does not overlap 10.1.0.0/16 of peers[0]',
  ],
])("%j contradicts itself", (raw, expected) => {
  expect(details(() => checkPeers(readPeers(raw, "peers")))).toContain(expected);
});

test("prefixes of different families do not overlap", () => {
  checkPeers(
    readPeers(
      [
        { ip: "10.0.0.2", subnet: "10.0.0.0/8" },
        { ip: "10.0.0.3", subnet: "::a00:0/104" },
      ],
      "peers",
    ),
  );
});

test("a list must not name this host, have another family, or overlap its subnets", () => {
  const peers = readPeers([{ ip: "10.0.0.2", subnet: "10.244.2.0/24" }], "peers");
  const here = (local: string, own: string) => () => checkAgainstHost(peers, Address.parse(local), [Prefix.parse(own)]);
  here("10.0.0.1", "10.244.1.0/24")();
  expect(details(here("10.0.0.2", "10.244.1.0/24"))).toContain("other than this host's own");
  expect(details(here("fd00::1", "10.244.1.0/24"))).toContain("an IPv6 address, as fd00::1 is one");
  expect(details(here("10.0.0.1", "10.244.0.0/16"))).toContain("this host's own, 10.244.0.0/16");
});

test("routing needs a subnet of each peer", () => {
  expect(details(() => requireSubnets(readPeers([{ ip: "10.0.0.2" }], "peers")))).toContain("peers[0].subnet");
});
