import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { NetworkStack } from "../../../src/attach/stack.ts";
import { NetlinkSocket } from "../../../src/netlink/socket.ts";
import { getLink, listLinks, setLinkUp } from "../../../src/rtnetlink/link.ts";
import { listRoutes } from "../../../src/rtnetlink/route.ts";

const NETLINK_ROUTE = 0;
const RTMGRP_LINK = 1;

// Nobody needs privileges to ask.
test("the kernel answers: one link, all links, none of a name that there is not", () => {
  using socket = new NetlinkSocket(NETLINK_ROUTE);
  const lo = getLink(socket, { name: "lo" });
  expect(lo).toMatchObject({ name: "lo", index: 1, mac: "00:00:00:00:00:00" });
  expect(getLink(socket, { index: 1 })).toEqual(lo);
  expect(listLinks(socket).map(({ name }) => name)).toContain("lo");
  expect(getLink(socket, { name: "no-such-link" })).toBeUndefined();
  expect(listRoutes(socket, 4, { table: 255 }).every(({ table }) => table === 255)).toBe(true);
});

test("what the kernel refuses is told in words", () => {
  using socket = new NetlinkSocket(NETLINK_ROUTE);
  expect(() => setLinkUp(socket, { name: "no-such-link" })).toThrow(/^Cannot set no-such-link up: /);
});

test("a wait for news ends, however short it is", () => {
  using socket = new NetlinkSocket(NETLINK_ROUTE, RTMGRP_LINK);
  for (const milliseconds of [0.0001, 0.4, 1, 1.9999]) expect(socket.listen(milliseconds)).toBeUndefined();
  const start = performance.now();
  // Rounded up, these are 1000000 microseconds, which no timeval holds.
  expect(socket.listen(999.99999)).toBeUndefined();
  expect(performance.now() - start).toBeLessThan(5000);
});

test("descriptors are closed with the socket, also where opening one fails", () => {
  const open = () => readdirSync("/proc/self/fd").length;
  const attempts = [
    () => new NetlinkSocket(4000),
    () => new NetlinkSocket(NETLINK_ROUTE)[Symbol.dispose](),
    // A namespace, but of another kind: the socket cannot be opened in it.
    () => NetworkStack.open("/proc/self/ns/mnt"),
    () => NetworkStack.open("/etc/passwd"),
  ];
  const before = open();
  for (const attempt of attempts) {
    try {
      attempt();
    } catch {
      // What counts is what is left.
    }
    expect(open()).toBe(before);
  }
});
