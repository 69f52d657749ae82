import { type ConfigOf, commonKeys } from "../../src/cni/schema.ts";

const option = { type: "string", description: "Name of an option, or its code" } as const;

/** Configuration of the dhcp plugin: `ipam` of another plugin's configuration. */
export const schema = {
  $id: "dhcp",
  type: "object",
  required: ["ipam"],
  properties: {
    ...commonKeys,
    ipam: {
      type: "object",
      properties: {
        type: { type: "string", description: "dhcp" },
        daemonSocketPath: { type: "string", description: "Socket of the daemon. Default: /run/cni/dhcp.sock" },
        families: {
          type: "array",
          minItems: 1,
          items: { enum: ["ipv4", "ipv6"] },
          description: "Addresses to ask for: ipv4 (DHCPv4), ipv6 (DHCPv6). Default: ipv4",
        },
        provide: {
          type: "array",
          description: "Options to send",
          items: {
            type: "object",
            required: ["option"],
            properties: {
              option,
              value: { type: "string", description: "What to send" },
              fromArg: { type: "string", description: "Key of CNI_ARGS whose value to send" },
            },
          },
        },
        request: {
          type: "array",
          description: "Options to ask for, beside those that are used",
          items: {
            type: "object",
            required: ["option"],
            properties: {
              option,
              skipDefault: { type: "boolean", description: "Ask for none but those of this list" },
            },
          },
        },
        priority: { type: "integer", minimum: 0, maximum: 4294967295, description: "Metric of the routes" },
      },
    },
  },
} as const;

export type DhcpSchema = ConfigOf<typeof schema>;
