import { readAs } from "../cni/config.ts";
import type { Route } from "../cni/result.ts";
import type { RouteConfig } from "../cni/schema.ts";
import { Address } from "../ip/address.ts";
import { Prefix } from "../ip/prefix.ts";

const what = "ipam configuration";

/**
 * The routes of an IPAM configuration, for its result.
 *
 * @param path where they stand in the configuration.
 * @throws CniError (invalidConfig).
 */
export function resolveRoutes(configs: readonly RouteConfig[], path: string): Route[] {
  return configs.map(({ dst, gw, ...rest }, i) => {
    const route: Route = {
      dst: readAs(Prefix.parse, what, `${path}[${i}].dst`, dst, "a network in CIDR notation, as 0.0.0.0/0"),
    };
    if (gw) route.gw = readAs(Address.parse, what, `${path}[${i}].gw`, gw, "an IP address");
    for (const key of ["mtu", "advmss", "priority", "table", "scope"] as const) {
      const value = rest[key];
      if (value !== undefined) route[key] = value;
    }
    return route;
  });
}
