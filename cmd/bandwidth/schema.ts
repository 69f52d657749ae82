import { bandwidth, commonKeys } from "../../src/cni/schema.ts";

export const schema = {
  $id: "bandwidth",
  type: "object",
  properties: {
    ...commonKeys,
    ...bandwidth.properties,
    runtimeConfig: { type: "object", properties: { bandwidth } },
  },
} as const;
