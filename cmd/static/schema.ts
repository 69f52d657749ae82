import { type ConfigOf, commonKeys, dns, ips, route } from "../../src/cni/schema.ts";

/** Configuration of the static plugin: `ipam` of another plugin's configuration, and what a runtime sends beside it. */
export const schema = {
  type: "object",
  required: ["ipam"],
  properties: {
    ...commonKeys,
    ipam: {
      type: "object",
      properties: {
        type: { type: "string", description: "static" },
        addresses: {
          type: "array",
          description: "Addresses to give",
          items: {
            type: "object",
            required: ["address"],
            properties: {
              address: { type: "string", description: "Address in CIDR notation" },
              gateway: { type: "string", description: "Gateway of its subnet" },
            },
          },
        },
        routes: { type: "array", items: route, description: "Routes for the container, handed on in the result" },
        dns,
      },
    },
    args: { type: "object", properties: { cni: { type: "object", properties: { ips } } } },
    runtimeConfig: { type: "object", properties: { ips } },
  },
} as const;

export type StaticSchema = ConfigOf<typeof schema>;
