import type { AnyPlugin } from "../src/cni/plugin.ts";

/**
 * Every plugin by its executable's name. `require` instead of `import`: the bundler turns it into a call that evaluates
 * a module when it is first asked for, and asks at once, so that a process evaluates the plugins that it is called for
 * and no others.
 */
export const plugins: Readonly<Record<string, () => AnyPlugin>> = {
  bandwidth: () => (require("./bandwidth/main.ts") as typeof import("./bandwidth/main.ts")).plugin,
  bridge: () => (require("./bridge/main.ts") as typeof import("./bridge/main.ts")).plugin,
  dhcp: () => (require("./dhcp/main.ts") as typeof import("./dhcp/main.ts")).plugin,
  firewall: () => (require("./firewall/main.ts") as typeof import("./firewall/main.ts")).plugin,
  host: () => (require("./host/main.ts") as typeof import("./host/main.ts")).plugin,
  "host-device": () => (require("./host-device/main.ts") as typeof import("./host-device/main.ts")).plugin,
  "host-local": () => (require("./host-local/main.ts") as typeof import("./host-local/main.ts")).plugin,
  ipvlan: () => (require("./ipvlan/main.ts") as typeof import("./ipvlan/main.ts")).plugin,
  dummy: () => (require("./dummy/main.ts") as typeof import("./dummy/main.ts")).plugin,
  loopback: () => (require("./loopback/main.ts") as typeof import("./loopback/main.ts")).plugin,
  macvlan: () => (require("./macvlan/main.ts") as typeof import("./macvlan/main.ts")).plugin,
  portmap: () => (require("./portmap/main.ts") as typeof import("./portmap/main.ts")).plugin,
  ptp: () => (require("./ptp/main.ts") as typeof import("./ptp/main.ts")).plugin,
  sbr: () => (require("./sbr/main.ts") as typeof import("./sbr/main.ts")).plugin,
  static: () => (require("./static/main.ts") as typeof import("./static/main.ts")).plugin,
  none: () => (require("./none/main.ts") as typeof import("./none/main.ts")).plugin,
  tuning: () => (require("./tuning/main.ts") as typeof import("./tuning/main.ts")).plugin,
  tap: () => (require("./tap/main.ts") as typeof import("./tap/main.ts")).plugin,
  vlan: () => (require("./vlan/main.ts") as typeof import("./vlan/main.ts")).plugin,
  vrf: () => (require("./vrf/main.ts") as typeof import("./vrf/main.ts")).plugin,
  vxlan: () => (require("./vxlan/main.ts") as typeof import("./vxlan/main.ts")).plugin,
};

/** IPAM plugins: those that other plugins call, in process. */
export const delegates: readonly string[] = ["dhcp", "host-local", "static"];
