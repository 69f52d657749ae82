import { expect, test } from "vitest";
import { gatewayPrefixes, withDefaultRoutes, withGateways } from "../../../src/attach/gateway.ts";
import { kernelRoutes } from "../../../src/attach/interface.ts";
import type { IPConfig, Result, Route } from "../../../src/cni/result.ts";
import { Address } from "../../../src/ip/address.ts";
import { Prefix } from "../../../src/ip/prefix.ts";

const ip = (address: string, gateway?: string): IPConfig => ({
  address: Prefix.parse(address),
  ...(gateway && { gateway: Address.parse(gateway) }),
});
const route = (dst: string, gw?: string, more: Partial<Route> = {}): Route => ({
  dst: Prefix.parse(dst),
  ...(gw && { gw: Address.parse(gw) }),
  ...more,
});
const lease = (ips: IPConfig[], routes: Route[] = []): Result => ({ interfaces: [], ips, routes, dns: {} });

/** Routes as `ip route` would write them. */
function written(result: Result): string[] {
  return kernelRoutes(result, 7).map(({ destination, gateway, hops, link, metrics, ...rest }) =>
    [
      destination,
      ...(gateway ? [`via ${gateway}`] : []),
      ...(link === undefined ? [] : [`dev ${link}`]),
      ...(hops ?? []).map((hop) => `nexthop via ${hop.gateway} dev ${hop.link}`),
      ...Object.entries({ ...rest, ...metrics }).map(([name, value]) => `${name} ${value}`),
    ].join(" "),
  );
}

const dual = [ip("10.1.0.2/24", "10.1.0.1"), ip("10.2.0.2/24", "10.2.0.1"), ip("fd00::2/64", "fd00::1")];

test.each<[what: string, ips: IPConfig[], routes: Route[], expected: string[]]>([
  ["none", dual, [], []],
  ["its own gateway", dual, [route("10.8.0.0/16", "10.1.0.8")], ["10.8.0.0/16 via 10.1.0.8 dev 7"]],
  [
    "the first gateway of its family, where it has none",
    dual,
    [route("0.0.0.0/0"), route("::/0")],
    ["0.0.0.0/0 via 10.1.0.1 dev 7", "::/0 via fd00::1 dev 7"],
  ],
  ["no gateway at all", [ip("10.1.0.2/24")], [route("10.8.0.0/16")], ["10.8.0.0/16 dev 7"]],
  ["no gateway of its family", [ip("10.1.0.2/24", "10.1.0.1")], [route("fd00:9::/64")], ["fd00:9::/64 dev 7"]],
  ["host bits", dual, [route("10.8.1.2/16")], ["10.8.0.0/16 via 10.1.0.1 dev 7"]],
  [
    "told twice",
    dual,
    [route("10.8.0.0/16", "10.1.0.8"), route("10.8.0.0/16", "10.1.0.8")],
    ["10.8.0.0/16 via 10.1.0.8 dev 7"],
  ],
  [
    "told twice, once with the gateway that it has anyway",
    dual,
    [route("0.0.0.0/0"), route("0.0.0.0/0", "10.1.0.1")],
    ["0.0.0.0/0 via 10.1.0.1 dev 7"],
  ],
  [
    "several gateways are one multipath route",
    dual,
    [route("10.8.0.0/16", "10.1.0.8"), route("10.9.0.0/16"), route("10.8.0.0/16", "10.1.0.9")],
    ["10.8.0.0/16 nexthop via 10.1.0.8 dev 7 nexthop via 10.1.0.9 dev 7", "10.9.0.0/16 via 10.1.0.1 dev 7"],
  ],
  [
    "another priority or table is another route",
    dual,
    [
      route("10.8.0.0/16", "10.1.0.8", { priority: 1 }),
      route("10.8.0.0/16", "10.1.0.9", { priority: 2 }),
      route("10.8.0.0/16", "10.1.0.9", { table: 100 }),
    ],
    [
      "10.8.0.0/16 via 10.1.0.8 dev 7 priority 1",
      "10.8.0.0/16 via 10.1.0.9 dev 7 priority 2",
      "10.8.0.0/16 via 10.1.0.9 dev 7 table 100",
    ],
  ],
  [
    "table main and priority 0 are what a route has that says nothing",
    dual,
    [route("10.8.0.0/16", "10.1.0.8"), route("10.8.0.0/16", "10.1.0.8", { table: 254, priority: 0 })],
    ["10.8.0.0/16 via 10.1.0.8 dev 7"],
  ],
  [
    "mtu and advmss are metrics, 0 says nothing",
    dual,
    [
      route("10.8.0.0/16", undefined, { mtu: 1280, advmss: 1200 }),
      route("10.9.0.0/16", undefined, { mtu: 0, advmss: 0 }),
    ],
    ["10.8.0.0/16 via 10.1.0.1 dev 7 mtu 1280 advmss 1200", "10.9.0.0/16 via 10.1.0.1 dev 7"],
  ],
  ["scope", [ip("10.1.0.2/24")], [route("10.8.0.0/16", undefined, { scope: 253 })], ["10.8.0.0/16 dev 7 scope 253"]],
])("the kernel's routes: %s", (_, ips, routes, expected) => {
  expect(written(lease(ips, routes))).toEqual(expected);
});

test("gateways: the first address of the subnet where there is none, others stay", () => {
  const { ips } = withGateways(lease([ip("10.1.0.9/24"), ip("10.2.0.9/24", "10.2.0.254"), ip("fd00::9/64")]));
  expect(ips.map(({ gateway }) => String(gateway))).toEqual(["10.1.0.1", "10.2.0.254", "fd00::1"]);
});

test("gateways stand on the bridge with the prefix length of their address", () => {
  expect(
    gatewayPrefixes([ip("10.1.0.9/16", "10.1.0.1"), ip("fd00::9/64"), ip("fd00::9/64", "fd00::1")]).map(String),
  ).toEqual(["10.1.0.1/16", "fd00::1/64"]);
});

test.each<[what: string, ips: IPConfig[], routes: Route[], expected: string[]]>([
  ["one for each family", dual, [], ["0.0.0.0/0 via 10.1.0.1", "::/0 via fd00::1"]],
  ["of a family without addresses none", [ip("10.1.0.2/24", "10.1.0.1")], [], ["0.0.0.0/0 via 10.1.0.1"]],
  // defect 13
  ["beside one without gateway none", dual, [route("0.0.0.0/0")], ["0.0.0.0/0 via undefined", "::/0 via fd00::1"]],
  [
    "beside one by another way none",
    dual,
    [route("0.0.0.0/0", "10.1.0.9")],
    ["0.0.0.0/0 via 10.1.0.9", "::/0 via fd00::1"],
  ],
  [
    "after the others",
    [ip("10.1.0.2/24", "10.1.0.1")],
    [route("10.8.0.0/16", "10.1.0.8")],
    ["10.8.0.0/16 via 10.1.0.8", "0.0.0.0/0 via 10.1.0.1"],
  ],
])("default routes: %s", (_, ips, routes, expected) => {
  const result = withDefaultRoutes(lease(ips, routes));
  expect(result.routes.map(({ dst, gw }) => `${dst} via ${gw}`)).toEqual(expected);
});
