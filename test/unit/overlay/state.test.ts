import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Address } from "../../../src/ip/address.ts";
import { readPeers } from "../../../src/overlay/peer.ts";
import {
  desiredState,
  difference,
  type Forwarding,
  forwardingKey,
  forwardingText,
  neighbourText,
  routeText,
} from "../../../src/overlay/state.ts";

const peers = readPeers(
  [
    { ip: "172.30.0.2", subnet: ["10.244.2.0/24", "fd24:2::/64"] },
    { ip: "172.30.0.3", subnet: "10.244.3.0/24", endpoints: [{ ip: "10.9.0.30", mac: "02:42:0a:09:00:1e" }] },
  ],
  "peers",
);

test("l2 floods to each peer, and knows the containers that it was told of", () => {
  const { forwarding, neighbours, routes } = desiredState("l2", peers);
  expect(forwarding.map(forwardingText)).toEqual([
    "forwarding of 00:00:00:00:00:00 to 172.30.0.2",
    "forwarding of 00:00:00:00:00:00 to 172.30.0.3",
    "forwarding of 02:42:0a:09:00:1e to 172.30.0.3",
  ]);
  expect(neighbours.map(neighbourText)).toEqual(["neighbour 10.9.0.30 at 02:42:0a:09:00:1e"]);
  expect(routes).toEqual([]);
});

test("l3 has a forwarding entry for each peer, and a neighbour and a route for each subnet", () => {
  const { forwarding, neighbours, routes } = desiredState("l3", peers);
  expect(forwarding.map(forwardingText)).toEqual([
    "forwarding of 02:42:ac:1e:00:02 to 172.30.0.2",
    "forwarding of 02:42:ac:1e:00:03 to 172.30.0.3",
  ]);
  expect(neighbours.map(neighbourText)).toEqual([
    "neighbour 10.244.2.0 at 02:42:ac:1e:00:02",
    "neighbour fd24:2:: at 02:42:ac:1e:00:02",
    "neighbour 10.244.3.0 at 02:42:ac:1e:00:03",
  ]);
  expect(routes.map(routeText)).toEqual([
    "route to 10.244.2.0/24 via 10.244.2.0",
    "route to fd24:2::/64 via fd24:2::",
    "route to 10.244.3.0/24 via 10.244.3.0",
  ]);
});

test("a peer without a router between needs no tunnel for subnets of its own family", () => {
  const direct = desiredState("l3", peers, ({ path }) => (path === "peers[1]" ? undefined : 7));
  expect(direct.routes.map(routeText)).toEqual([
    "route to fd24:2::/64 via fd24:2::",
    "route to 10.244.2.0/24 via 172.30.0.2 without the tunnel",
    "route to 10.244.3.0/24 via 10.244.3.0",
  ]);
  const onlyIPv4 = desiredState("l3", peers.slice(1), () => 7);
  expect(onlyIPv4.forwarding).toEqual([]);
});

describe("difference", () => {
  const entry = (mac: number, peer: number): Forwarding => ({
    mac: mac === 0 ? "00:00:00:00:00:00" : `02:00:00:00:00:0${mac}`,
    peer: new Address(4, BigInt(peer)),
  });
  const entries = fc
    .array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 3 })))
    .map((pairs) => [
      ...new Map(pairs.map(([mac, peer]) => [forwardingKey(entry(mac, peer)), entry(mac, peer)])).values(),
    ]);

  test("what it says leads from one state to the other, and then says nothing", () => {
    fc.assert(
      fc.property(entries, entries, (present, desired) => {
        const { add, change, remove } = difference(present, desired, forwardingKey, forwardingText);
        const state = new Map(present.map((one) => [forwardingKey(one), forwardingText(one)]));
        for (const one of [...add, ...change]) state.set(forwardingKey(one), forwardingText(one));
        for (const one of remove) state.delete(forwardingKey(one));
        expect([...state.values()].sort()).toEqual(desired.map(forwardingText).sort());
        const none = difference(desired, desired, forwardingKey, forwardingText);
        expect([...none.add, ...none.change, ...none.remove]).toEqual([]);
      }),
    );
  });
});
