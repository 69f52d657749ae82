import { commonKeys, ipam, ips } from "../../src/cni/schema.ts";

/** Configuration of the ipvlan plugin. */
export const schema = {
  $id: "ipvlan",
  type: "object",
  properties: {
    ...commonKeys,
    master: {
      type: "string",
      description:
        "The link to stand on; <link>.<VLAN id> is made if missing. Default: the sole interface of the result before, else the link of the default route",
    },
    mode: {
      enum: ["l2", "l3", "l3s", ""],
      description: "Switched, routed, or routed through the host's filter. Default: l2",
    },
    flag: {
      enum: ["bridge", "private", "vepa", ""],
      description: "How interfaces on one master reach each other. Default: bridge",
    },
    mtu: { type: "integer", minimum: 0, maximum: 65535, description: "In bytes. Default: the master's" },
    linkInContainer: { type: "boolean", description: "The master is in the container. Default: false" },
    ipam,
    runtimeConfig: { type: "object", properties: { ips } },
  },
} as const;
