import type { PluginConfig } from "./host.ts";

/** Addresses of one subnet, or of one of each family, from a /16 and a /64. */
export function hostLocal(families: 1 | 2, name = "networks"): PluginConfig {
  const ranges = [[{ subnet: "10.10.0.0/16" }], [{ subnet: "fd10::/64" }]].slice(0, families);
  return { type: "host-local", dataDir: `$STATE/${name}`, ranges };
}

/** A bridge that routes, as most networks have it. */
export function bridge(families: 1 | 2 = 1, keys: object = {}): PluginConfig {
  const ipam = { ...hostLocal(families), routes: [{ dst: "0.0.0.0/0" }] };
  return { type: "bridge", bridge: "bench0", isGateway: true, ipam, ...keys };
}

/** Host ports are one per node, so each container needs its own. */
const published = (hostPort: number) => [{ hostPort, containerPort: 80, protocol: "tcp" }];
/** In bits per second, and bits. */
const rates = { ingressRate: 100_000_000, ingressBurst: 8_000_000, egressRate: 100_000_000, egressBurst: 8_000_000 };

/** What pods on a node get from the Go suite: five plugins one after the other. */
export function chainOfFive(hostPort: number): PluginConfig[] {
  return [
    bridge(1, { ipMasq: true }),
    { type: "portmap", capabilities: { portMappings: true }, runtimeConfig: { portMappings: published(hostPort) } },
    { type: "firewall" },
    { type: "bandwidth", ...rates },
    { type: "tuning", sysctl: { "net.core.somaxconn": "500" }, dataDir: "$STATE/tuning" },
  ];
}

/** The same, but for the sysctl, by one plugin: Berth's bridge asked for all of it. */
export function bridgeDoesItAll(hostPort: number): PluginConfig[] {
  return [
    bridge(1, {
      ipMasq: true,
      isolate: true,
      runtimeConfig: { portMappings: published(hostPort), bandwidth: rates },
    }),
  ];
}

export function macvlan(families: 1 | 2): PluginConfig {
  return { type: "macvlan", master: "uplink", ipam: hostLocal(families, "macvlan") };
}

export const ptp: PluginConfig = { type: "ptp", ipam: hostLocal(2, "ptp") };

/** A node of an overlay with 20 others. */
export const vxlan: PluginConfig = {
  type: "vxlan",
  mode: "l3",
  vni: 100,
  underlay: "uplink",
  network: "10.10.0.0/16",
  peers: Array.from({ length: 20 }, (_, i) => ({ ip: `192.0.2.${i + 2}`, subnet: `10.10.${i + 1}.0/24` })),
  ipam: { type: "host-local", dataDir: "$STATE/vxlan", ranges: [[{ subnet: "10.10.0.0/24" }]] },
};
