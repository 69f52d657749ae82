import { type ConfigOf, commonKeys, ipam, ips } from "../../src/cni/schema.ts";

const tagPriority = { type: "integer", minimum: 0, maximum: 7, description: "Priority in the tag (802.1p)" } as const;
const packetPriority = {
  type: "integer",
  minimum: 0,
  maximum: 4294967295,
  description: "Priority of the packet in the kernel (SO_PRIORITY)",
} as const;

/** Configuration of the vlan plugin. */
export const schema = {
  $id: "vlan",
  type: "object",
  required: ["master"],
  properties: {
    ...commonKeys,
    master: { type: "string", minLength: 1, description: "The link that carries the VLAN" },
    vlanId: { type: "integer", minimum: 0, maximum: 4094, description: "The VLAN. Default: 0, a priority tag alone" },
    mtu: {
      type: "integer",
      minimum: 0,
      maximum: 4294967295,
      description: "In bytes, at most the master's. Default: the master's",
    },
    linkInContainer: { type: "boolean", description: "The master is in the container. Default: false" },
    shared: {
      type: "boolean",
      description: "The VLAN is the host's, and each container has a macvlan interface on it. Default: false",
    },
    ingressQos: {
      type: "array",
      description: "Priorities of packets received",
      items: { type: "object", required: ["from", "to"], properties: { from: tagPriority, to: packetPriority } },
    },
    egressQos: {
      type: "array",
      description: "Priorities of packets sent",
      items: { type: "object", required: ["from", "to"], properties: { from: packetPriority, to: tagPriority } },
    },
    ipam,
    runtimeConfig: { type: "object", properties: { ips } },
  },
} as const;

export type VlanSchema = ConfigOf<typeof schema>;
