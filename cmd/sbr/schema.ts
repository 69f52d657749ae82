import { commonKeys } from "../../src/cni/schema.ts";

/** Configuration of the sbr plugin. */
export const schema = {
  $id: "sbr",
  type: "object",
  properties: {
    ...commonKeys,
    table: {
      type: "integer",
      minimum: 1,
      maximum: 4294967295,
      description: "The table of all addresses, which somebody else fills. Default: a table of its own for each",
    },
    gateways: {
      type: "array",
      items: { type: "string" },
      description: "Default gateways, one for each family. Default: the addresses' own",
    },
    addSourceHints: {
      type: "boolean",
      description: "Whether routes to the subnets stay in the main table, with the address as source. Default: false",
    },
  },
} as const;
