import { expect, test } from "vitest";
import { gatewayOf, kernelRoutes } from "../../../src/attach/interface.ts";
import { emptyResult, type Route } from "../../../src/cni/result.ts";
import { Address } from "../../../src/ip/address.ts";
import { Prefix } from "../../../src/ip/prefix.ts";

const ips = [
  { address: Prefix.parse("10.1.0.2/24"), gateway: Address.parse("10.1.0.1") },
  { address: Prefix.parse("fd00::2/64"), gateway: Address.parse("fd00::1") },
  { address: Prefix.parse("10.2.0.2/24"), gateway: Address.parse("10.2.0.1") },
];

function route(dst: string, rest: Partial<Route> & { via?: string } = {}): Route {
  const { via, ...others } = rest;
  return { dst: Prefix.parse(dst), ...(via && { gw: Address.parse(via) }), ...others };
}

const routes = (...given: Route[]) => kernelRoutes({ ...emptyResult(), ips, routes: given }, 7);

test.each([
  ["192.0.2.0/24", {}, "10.1.0.1"],
  ["2001:db8::/32", {}, "fd00::1"],
  ["192.0.2.0/24", { via: "10.1.0.9" }, "10.1.0.9"],
  ["192.0.2.0/24", { scope: 0 }, "10.1.0.1"],
  ["192.0.2.0/24", { scope: 200 }, "10.1.0.1"],
  ["192.0.2.0/24", { scope: 253 }, undefined],
  ["192.0.2.0/24", { scope: 254 }, undefined],
  ["192.0.2.0/24", { scope: 253, via: "10.1.0.9" }, "10.1.0.9"],
])("the gateway of a route to %s with %j is %s", (dst, rest, gateway) => {
  expect(gatewayOf(route(dst, rest), ips)?.toString()).toBe(gateway);
});

test("several gateways for one destination are one route of several hops, one told twice is one", () => {
  const [multipath, ...others] = routes(
    route("192.0.2.0/24", { via: "10.1.0.8" }),
    route("192.0.2.0/24", { via: "10.1.0.9" }),
    route("192.0.2.7/24", { via: "10.1.0.9" }),
  );
  expect(others).toEqual([]);
  expect(multipath?.gateway).toBeUndefined();
  expect(multipath?.hops?.map(({ link, gateway }) => `${gateway} ${link}`)).toEqual(["10.1.0.8 7", "10.1.0.9 7"]);
});

test("routes that differ in table or priority are routes of their own, with their settings", () => {
  const made = routes(
    route("192.0.2.0/24", { priority: 5, mtu: 1300, advmss: 1200 }),
    route("192.0.2.0/24", { table: 100 }),
    route("192.0.2.0/24", { scope: 253, priority: 9 }),
  );
  const { metrics, priority, link } = made[0] ?? {};
  expect({ metrics, priority, link }).toEqual({ metrics: { mtu: 1300, advmss: 1200 }, priority: 5, link: 7 });
  expect(made[1]).toMatchObject({ table: 100 });
  expect(made[2]).toMatchObject({ scope: 253, priority: 9 });
  expect(made[2]?.gateway).toBeUndefined();
});
