import { type ConfigOf, commonKeys, ipam, ips, mac } from "../../src/cni/schema.ts";

/** Configuration of the macvlan plugin. */
export const schema = {
  $id: "macvlan",
  type: "object",
  properties: {
    ...commonKeys,
    master: {
      type: "string",
      description:
        "The link to stand on; <link>.<VLAN id> is made if missing. Default: the link of the default route, or with internal a dummy link",
    },
    mode: {
      enum: ["bridge", "private", "vepa", "passthru", ""],
      description: "How interfaces on one master reach each other. Default: bridge",
    },
    mtu: {
      type: "integer",
      minimum: 0,
      maximum: 4294967295,
      description: "In bytes, at most the master's. Default: the master's",
    },
    mac: { ...mac, description: "MAC address of the interface. Default: derived from its first address" },
    linkInContainer: { type: "boolean", description: "The master is in the container. Default: false" },
    bcqueuelen: {
      type: "integer",
      minimum: 0,
      maximum: 4294967295,
      description: "Broadcast packets that the master queues. Default: the kernel's, 1000",
    },
    internal: {
      type: "boolean",
      description: "No way out: no default route, and none through a gateway. Default: false",
    },
    hostAccess: { type: "boolean", description: "The host itself reaches the containers. Default: false" },
    hostAddresses: {
      type: "array",
      items: { type: "string" },
      description: "With hostAccess: the host's own addresses on the network. Default: those of the master",
    },
    ipam,
    runtimeConfig: { type: "object", properties: { mac, ips } },
    args: { type: "object", properties: { cni: { type: "object", properties: { mac } } } },
  },
} as const;

export type MacvlanSchema = ConfigOf<typeof schema>;
