import { commonKeys, portMappings } from "../../src/cni/schema.ts";

const words = { type: "array", items: { type: "string" } } as const;

export const schema = {
  $id: "portmap",
  type: "object",
  properties: {
    ...commonKeys,
    snat: {
      type: "boolean",
      description:
        "Masquerade what comes from the host's loopback addresses and from the container's subnet (default true)",
    },
    masqAll: { type: "boolean", description: "Masquerade whatever comes to a published port" },
    backend: { enum: ["iptables", "nftables"], description: "Accepted; both mean nf_tables" },
    markMasqBit: {
      type: "integer",
      minimum: 0,
      maximum: 31,
      description: "Accepted; packets are not marked, so no bit is taken",
    },
    externalSetMarkChain: {
      type: "string",
      description: "Accepted; what that chain would mark is masqueraded here",
    },
    conditionsV4: { ...words, description: "Refused: hostIP says where a port is published" },
    conditionsV6: { ...words, description: "Refused: hostIP says where a port is published" },
    runtimeConfig: { type: "object", properties: { portMappings } },
  },
} as const;
