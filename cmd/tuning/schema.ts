import { commonKeys, mac } from "../../src/cni/schema.ts";

const settings = {
  sysctl: {
    type: "object",
    description: "Kernel settings of the container's network, by name; IFNAME stands for the interface",
    additionalProperties: { type: "string" },
  },
  mac: { type: "string", description: "MAC address of the interface" },
  promisc: { type: "boolean", description: "Whether the interface takes in all packets" },
  mtu: { type: "integer", minimum: 0, maximum: 65536, description: "MTU in bytes; 0: as it is" },
  txQLen: { type: "integer", minimum: 0, maximum: 4294967295, description: "Length of the transmit queue" },
  allmulti: { type: "boolean", description: "Whether the interface takes in all multicast packets" },
} as const;

export const schema = {
  $id: "tuning",
  type: "object",
  properties: {
    ...commonKeys,
    ...settings,
    dataDir: {
      type: "string",
      pattern: "^$|^/",
      description: "Where what was before is kept until DEL (default /run/cni/tuning)",
    },
    runtimeConfig: { type: "object", properties: { mac } },
    args: { type: "object", properties: { cni: { type: "object", properties: settings } } },
  },
} as const;
