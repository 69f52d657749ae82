import { expect, test } from "vitest";
import {
  checkAddresses,
  checkLink,
  checkRoutes,
  containerInterface,
  mismatch,
  requirePrevResult,
} from "../../../src/attach/check.ts";
import type { NetworkStack } from "../../../src/attach/stack.ts";
import { CniError } from "../../../src/cni/error.ts";
import type { Attachment } from "../../../src/cni/plugin.ts";
import type { Interface, Result, Route } from "../../../src/cni/result.ts";
import { Address } from "../../../src/ip/address.ts";
import { Prefix } from "../../../src/ip/prefix.ts";
import type { Message } from "../../../src/netlink/message.ts";
import type { Link } from "../../../src/rtnetlink/link.ts";
import { answers } from "../rtnetlink/captures.ts";
import { onlyMessage } from "../rtnetlink/compare.ts";

/** A network stack whose kernel gives these answers to whatever it is asked. */
function stackWith(...captured: (keyof typeof answers)[]): NetworkStack {
  const messages = (): Message[] => captured.map((name) => onlyMessage(answers[name]));
  return { route: { dump: messages, request: messages } } as unknown as NetworkStack;
}

const attachment = { ifname: "eth0", netns: "/run/netns/c1", prevResult: undefined } as unknown as Attachment;
const result = (part: Partial<Result>): Result => ({ interfaces: [], ips: [], routes: [], dns: {}, ...part });
const br0 = { index: 5, name: "br0" } as Link;

function details(attempt: () => unknown): string | undefined {
  try {
    attempt();
  } catch (error) {
    if (error instanceof CniError) return error.details;
    throw error;
  }
  throw new Error("This passes, but should not");
}

test("a mismatch names what was found and what was expected", () => {
  expect(mismatch("MTU", 1400, 1500)).toMatchObject({
    code: 999,
    message: "MTU is not as ADD left it",
    details: "MTU: found 1400, expected 1500",
  });
  expect(mismatch("gateway", undefined, "10.1.0.1").details).toBe("gateway: found nothing, expected 10.1.0.1");
});

test("CHECK without prevResult is an invalid configuration", () => {
  expect(() => requirePrevResult(attachment)).toThrow(expect.objectContaining({ code: 7 }));
});

test("the container's interface is told by its name and its sandbox", () => {
  const entry = (name: string, sandbox?: string): Interface => ({ name, ...(sandbox && { sandbox }) });
  const find = (...interfaces: Interface[]) => containerInterface(result({ interfaces }), attachment);
  const own = entry("eth0", "/run/netns/c1");
  expect(find(entry("cni0"), entry("eth0"), own)).toBe(own);
  expect(details(() => find(entry("eth0")))).toMatch(/found nothing/);
  expect(details(() => find(entry("eth0", "/run/netns/c2")))).toMatch(
    /found \/run\/netns\/c2, expected \/run\/netns\/c1/,
  );
});

test("a link must be there, of its kind, with its MAC", () => {
  const stack = stackWith("bridge");
  expect(checkLink(stack, { name: "br0", mac: "02:00:00:00:00:09" }, "bridge").index).toBe(5);
  expect(checkLink(stack, { name: "br0" }, "bridge").index).toBe(5);
  expect(details(() => checkLink(stack, { name: "br0" }, "veth"))).toMatch(/found bridge, expected veth/);
  expect(details(() => checkLink(stack, { name: "br0", mac: "02:00:00:00:00:08" }, "bridge"))).toMatch(/^MAC of br0/);
  expect(details(() => checkLink(stackWith(), { name: "br0" }, "bridge"))).toMatch(/found nothing, expected a bridge/);
});

test("addresses must be there with their prefix length; those of other interfaces do not count", () => {
  const stack = stackWith("address of IPv4", "address of IPv6");
  const check = (address: string, index?: number) =>
    checkAddresses(
      stack,
      br0,
      result({
        interfaces: [{ name: "br0" }, { name: "other" }],
        ips: [{ address: Prefix.parse(address), ...(index !== undefined && { interface: index }) }],
      }),
    );
  check("10.1.0.1/24");
  check("fd00:1::1/64", 0);
  check("10.9.9.9/24", 1);
  expect(details(() => check("10.1.0.1/16"))).toBe(
    "addresses of br0: found 10.1.0.1/24, fd00:1::1/64, expected 10.1.0.1/16",
  );
  expect(details(() => check("10.1.0.2/24", 0))).toMatch(/expected 10.1.0.2\/24$/);
});

test("routes are found in any table, by destination, gateway and priority, in multipath routes too", () => {
  const stack = stackWith("multipath", "route with metrics", "route of a table");
  const check = (dst: string, gw?: string, more: Partial<Route> = {}) =>
    checkRoutes(
      stack,
      result({
        ips: [{ address: Prefix.parse("10.1.0.2/24"), gateway: Address.parse("10.1.0.8") }],
        routes: [{ dst: Prefix.parse(dst), ...(gw && { gw: Address.parse(gw) }), ...more }],
      }),
    );
  check("10.9.0.0/16");
  check("10.9.0.0/16", "10.1.0.8");
  check("10.11.0.0/16", "10.1.0.9");
  check("10.10.0.0/16", undefined, { scope: 253 });
  expect(details(() => check("10.9.0.0/16", "10.1.0.7"))).toMatch(/expected a route to 10.9.0.0\/16 via 10.1.0.7/);
  expect(details(() => check("10.9.0.0/17"))).toMatch(/a route to 10.9.0.0\/17/);
  expect(details(() => check("10.9.0.0/16", undefined, { priority: 7 }))).toMatch(/10.9.0.0/);
});

test("an IPv4-mapped route of the host's, as some init scripts add it, does not disturb", () => {
  const routes = [{ dst: Prefix.parse("fd00:9::/64"), gw: Address.parse("fd00:1::9") }];
  expect(() => checkRoutes(stackWith("IPv4-mapped", "multipath of IPv6"), result({ routes }))).not.toThrow();
});
