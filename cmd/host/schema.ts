import { type ConfigOf, commonKeys, portMappings } from "../../src/cni/schema.ts";

/** Configuration of the host plugin: nothing of its own. */
export const schema = {
  $id: "host",
  type: "object",
  properties: {
    ...commonKeys,
    runtimeConfig: { type: "object", properties: { portMappings } },
  },
} as const;

export type HostConfig = ConfigOf<typeof schema>;
