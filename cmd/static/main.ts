import { CniError, ErrorCode } from "../../src/cni/error.ts";
import type { Plugin } from "../../src/cni/plugin.ts";
import { emptyResult } from "../../src/cni/result.ts";
import { versions } from "../../src/cni/version.ts";
import { chooseAddresses, configure, type StaticConfig } from "./config.ts";

/** The addresses that the configuration or the runtime names; it keeps no state. */
export const plugin: Plugin<StaticConfig> = {
  name: "static",
  versions,
  isIpam: true,
  configure,
  // Nothing is held, so nothing that a bad configuration could name stays.
  configureForRelease: () => ({ addresses: [], requested: undefined, routes: [], dns: {} }),

  add(attachment, config) {
    const { routes, dns } = config;
    return { ...emptyResult(), ips: [...chooseAddresses(attachment, config)], routes: [...routes], dns };
  },

  check(attachment, config) {
    const given = attachment.prevResult?.ips;
    if (given === undefined) throw new CniError(ErrorCode.invalidConfig, "Required prevResult missing");
    for (const { address, gateway } of chooseAddresses(attachment, config)) {
      const same = given.find((ip) => ip.address.equals(address));
      const found = same === undefined ? "no such address" : `gateway ${same.gateway ?? "none"}`;
      if (same !== undefined && (gateway === undefined || same.gateway?.equals(gateway))) continue;
      throw new CniError(ErrorCode.internal, `static: Failed to find ${address} in prevResult`, {
        details: `prevResult.ips: found ${found}, expected ${address}${gateway ? ` with gateway ${gateway}` : ""}`,
      });
    }
  },

  del() {},
  gc() {},
  status() {},
};
