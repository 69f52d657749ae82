import { commonKeys, ipam, ips } from "../../src/cni/schema.ts";

/** Configuration of the dummy plugin. */
export const schema = {
  $id: "dummy",
  type: "object",
  properties: { ...commonKeys, ipam, runtimeConfig: { type: "object", properties: { ips } } },
} as const;
