import { type ConfigOf, commonKeys, portMappings } from "../../src/cni/schema.ts";

/** Configuration of the none plugin: nothing of its own. */
export const schema = {
  $id: "none",
  type: "object",
  properties: {
    ...commonKeys,
    runtimeConfig: { type: "object", properties: { portMappings } },
  },
} as const;

export type NoneConfig = ConfigOf<typeof schema>;
