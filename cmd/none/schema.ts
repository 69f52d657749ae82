import type { FromSchema } from "json-schema-to-ts";
import { commonKeys, portMappings } from "../../src/cni/schema.ts";

/** Configuration of the none plugin: nothing of its own. */
export const schema = {
  type: "object",
  properties: {
    ...commonKeys,
    runtimeConfig: { type: "object", properties: { portMappings } },
  },
} as const;

export type NoneConfig = FromSchema<typeof schema>;
