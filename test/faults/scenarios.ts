import type { PluginConfig, Suite } from "../bench/host.ts";
import { bridge, hostLocal, macvlan, vxlan } from "../bench/networks.ts";

/** A plugin to which things happen, and what has come before it. */
export interface Scenario {
  readonly name: string;
  readonly plugin: PluginConfig;
  /** The plugins of its list before it, whose ADD went well. */
  readonly earlier?: readonly PluginConfig[];
  /** The suites that have it; left out: both. */
  readonly only?: Suite["name"];
  /** What it stands on goes with the container, so that nothing can be added again then: it is not left to GC alone. */
  readonly endsWithContainer?: boolean;
  /** The container has the host's namespace, and not one of its own. */
  readonly inHost?: boolean;
}

const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }];
const rates = { ingressRate: 100_000_000, ingressBurst: 8_000_000, egressRate: 100_000_000, egressBurst: 8_000_000 };
const earlier = [bridge(2)];

export const scenarios: readonly Scenario[] = [
  { name: "bridge", plugin: bridge(2, { ipMasq: true }) },
  {
    name: "bridge with everything",
    only: "Berth",
    plugin: bridge(2, { ipMasq: true, isolate: true, runtimeConfig: { portMappings, bandwidth: rates } }),
  },
  { name: "macvlan", plugin: macvlan(1) },
  {
    name: "macvlan with host access",
    only: "Berth",
    plugin: { ...macvlan(1), hostAccess: true, hostAddresses: ["10.10.255.1"] },
  },
  { name: "vxlan", only: "Berth", plugin: vxlan },
  { name: "host-local", plugin: { type: "host-local", ipam: hostLocal(2) } },
  {
    name: "portmap",
    earlier,
    plugin: { type: "portmap", capabilities: { portMappings: true }, runtimeConfig: { portMappings } },
  },
  { name: "firewall", earlier, plugin: { type: "firewall" } },
  { name: "bandwidth", earlier, plugin: { type: "bandwidth", ...rates } },
  {
    name: "tuning",
    earlier,
    plugin: {
      type: "tuning",
      sysctl: { "net.core.somaxconn": "500", "net.ipv4.conf.IFNAME.arp_filter": "1" },
      mtu: 1400,
      mac: "02:00:00:00:00:99",
      dataDir: "$STATE/tuning",
    },
  },
  {
    name: "host-device",
    endsWithContainer: true,
    plugin: { type: "host-device", device: "outside", ipam: hostLocal(2) },
  },
  { name: "sbr", earlier, plugin: { type: "sbr" } },
  { name: "loopback", plugin: { type: "loopback" } },
  { name: "host", only: "Berth", plugin: { type: "host" }, inHost: true },
  { name: "none", only: "Berth", plugin: { type: "none" } },
  { name: "ptp", plugin: { type: "ptp", ipMasq: true, ipam: hostLocal(2) } },
  { name: "tap", only: "Berth", plugin: { type: "tap", ipam: hostLocal(2) } },
];
