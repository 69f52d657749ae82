import { plugins } from "../../cmd/plugins.ts";

/** What stands before a plugin in its list, where it needs an interface that another one made. */
export const earlier = {
  type: "bridge",
  bridge: "first0",
  isGateway: true,
  ipam: {
    type: "host-local",
    dataDir: "$STATE/first",
    ranges: [[{ subnet: "10.9.0.0/24" }], [{ subnet: "fd09::/64" }]],
  },
};

/** The result that {@link earlier} would give, for calls that reach no kernel. */
export const prevResult = {
  cniVersion: "1.0.0",
  interfaces: [
    { name: "first0", mac: "02:00:00:00:00:01" },
    { name: "veth0", mac: "02:00:00:00:00:02" },
    { name: "eth0", mac: "02:00:00:00:00:03", sandbox: "/run/netns/pod" },
  ],
  ips: [
    { address: "10.9.0.2/24", gateway: "10.9.0.1", interface: 2 },
    { address: "fd09::2/64", gateway: "fd09::1", interface: 2 },
  ],
  routes: [{ dst: "0.0.0.0/0", gw: "10.9.0.1" }],
};

const ranges = [
  [{ subnet: "10.1.0.0/24", rangeStart: "10.1.0.10", exclude: ["10.1.0.12"] }],
  [{ subnet: "fd01::/64" }],
];
const ipam = { type: "host-local", dataDir: "$STATE/networks", ranges, routes: [{ dst: "0.0.0.0/0", mtu: 1300 }] };
const ipv4 = { ...ipam, ranges: [[{ subnet: "10.1.0.0/24" }]] };
const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: "tcp", hostIP: "192.0.2.1" }];
const rates = { ingressRate: 1_000_000, ingressBurst: 1_000_000, egressRate: 1_000_000, egressBurst: 1_000_000 };
const dns = { nameservers: ["10.1.0.1"], domain: "example.org", search: ["example.org"], options: ["ndots:1"] };

interface Sample {
  readonly config: object;
  /** Needs an interface that is there: a prevResult. */
  readonly isChained?: boolean;
}

/** A configuration of each plugin that has much of what it can be told. */
const samples: Readonly<Record<string, Sample>> = {
  bandwidth: { config: rates, isChained: true },
  bridge: {
    config: {
      bridge: "cni0",
      isDefaultGateway: true,
      ipMasq: true,
      isolate: true,
      mtu: 1400,
      hairpinMode: true,
      macspoofchk: true,
      dns,
      ipam: { ...ipam, routes: [{ dst: "10.0.0.0/8", mtu: 1300 }] },
      runtimeConfig: { portMappings, bandwidth: rates, mac: "02:00:00:00:00:07" },
    },
  },
  dhcp: {
    config: { ipam: { type: "dhcp", daemonSocketPath: "/run/none.sock", provide: [{ option: "12", value: "a" }] } },
  },
  dummy: { config: { ipam: ipv4 } },
  firewall: { config: { ingressPolicy: "same-bridge", backend: "nftables" }, isChained: true },
  host: { config: { runtimeConfig: { portMappings } } },
  "host-device": { config: { device: "spare", ipam: ipv4 } },
  "host-local": { config: { dns, ipam: { ...ipam, resolvConf: "/etc/resolv.conf" } } },
  ipvlan: { config: { master: "uplink", mode: "l2", flag: "private", mtu: 1400, ipam: ipv4 } },
  loopback: { config: {} },
  macvlan: {
    config: {
      master: "uplink",
      mode: "bridge",
      mtu: 1400,
      mac: "02:00:00:00:00:08",
      hostAccess: true,
      hostAddresses: ["10.1.0.1"],
      ipam: ipv4,
    },
  },
  none: { config: { runtimeConfig: { portMappings } } },
  portmap: { config: { snat: true, masqAll: true, runtimeConfig: { portMappings } }, isChained: true },
  ptp: {
    config: {
      ipMasq: true,
      mtu: 1400,
      mac: "02:00:00:00:00:09",
      dns,
      ipam,
      runtimeConfig: { portMappings, bandwidth: rates },
    },
  },
  sbr: { config: { table: 100 }, isChained: true },
  static: {
    config: {
      ipam: {
        type: "static",
        addresses: [{ address: "10.1.0.2/24", gateway: "10.1.0.1" }],
        routes: [{ dst: "0.0.0.0/0" }],
        dns,
      },
    },
  },
  tap: { config: { multiQueue: true, mtu: 1400, mac: "02:00:00:00:00:0a", owner: 0, group: 0, ipam: ipv4 } },
  tuning: {
    config: {
      sysctl: { "net.core.somaxconn": "500", "net.ipv4.conf.IFNAME.arp_filter": "1" },
      mac: "02:00:00:00:00:0b",
      mtu: 1400,
      promisc: true,
      dataDir: "$STATE/tuning",
    },
    isChained: true,
  },
  vlan: { config: { master: "uplink", vlanId: 5, mtu: 1400, ingressQos: [{ from: 1, to: 2 }], ipam: ipv4 } },
  vrf: { config: { vrfname: "blue", table: 200 }, isChained: true },
  vxlan: {
    config: {
      vni: 7,
      mode: "l3",
      underlay: "uplink",
      network: "10.0.0.0/8",
      peers: [
        { ip: "192.0.2.2", subnet: "10.2.0.0/24" },
        { ip: "192.0.2.3", subnet: ["10.3.0.0/24"], mac: "02:00:00:00:00:0c" },
      ],
      ipMasq: true,
      ipam: ipv4,
      runtimeConfig: { portMappings },
    },
  },
};

/** Every plugin that there is. One without a sample is a plugin that nobody tried hostile input on. */
export const pluginNames: readonly string[] = Object.keys(plugins).sort();

export function isChained(name: string): boolean {
  return sampleOf(name).isChained === true;
}

/** A whole configuration of a plugin without prevResult. @param state stands where it keeps something. */
export function configOf(name: string, state: string): Record<string, unknown> {
  const config = { cniVersion: "1.1.0", name: "net", type: name, ...sampleOf(name).config };
  return JSON.parse(JSON.stringify(config).replaceAll("$STATE", state)) as Record<string, unknown>;
}

function sampleOf(name: string): Sample {
  const sample = samples[name];
  if (sample === undefined)
    throw new Error(`Cannot try hostile input on ${name}: test/hostile/configs.ts has no sample`);
  return sample;
}
