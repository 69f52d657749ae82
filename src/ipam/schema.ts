import type { FromSchema } from "json-schema-to-ts";

/** Schema fragments for IPAM plugins that give addresses out of ranges. */
const addressText = { type: "string", minLength: 1 } as const;

/** The keys of one range: in an entry of `ranges[]`, and beside each other in `ipam` itself. */
export const rangeKeys = {
  subnet: { type: "string", description: "Network that the addresses are of" },
  rangeStart: { type: "string", description: "First address to give; the subnet's first usable one" },
  rangeEnd: { type: "string", description: "Last address to give; the subnet's last usable one" },
  gateway: { type: "string", description: "Gateway, never given; the subnet's first usable address" },
  exclude: {
    type: "array",
    items: addressText,
    description: "Addresses and prefixes inside the subnet that are never given",
  },
  ipRange: {
    type: "string",
    description: "Part of the subnet that addresses are given from; any other may be asked for",
  },
  auxAddresses: {
    type: "object",
    additionalProperties: addressText,
    description: "Addresses of other devices in the subnet, by name, that are never given",
  },
} as const;

const range = { type: "object", required: ["subnet"], properties: rangeKeys } as const;

export const ranges = {
  type: "array",
  items: { type: "array", items: range },
  description: "Range sets: one address is given from each, out of any of its ranges",
} as const;

export type RangeConfig = FromSchema<typeof range>;
