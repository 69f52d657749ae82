import { commonKeys } from "../../src/cni/schema.ts";

export const schema = {
  $id: "firewall",
  type: "object",
  properties: {
    ...commonKeys,
    backend: {
      enum: ["", "nftables", "iptables", "firewalld"],
      description: "Which firewall of the host to ask to let containers through; left out: the one that is in use",
    },
    iptablesAdminChainName: {
      type: "string",
      maxLength: 28,
      pattern: "^$|^[^-\\s!][^\\s]*$",
      description: "Chain of iptables for rules of the administrator's, before ours (default CNI-ADMIN)",
    },
    firewalldZone: { type: "string", description: "Zone of firewalld for containers (default trusted)" },
    ingressPolicy: {
      enum: ["", "open", "same-bridge", "isolated"],
      description: "Who may reach a container: anybody (the default), its own bridge, or nobody on a bridge",
    },
  },
} as const;
