import { type ConfigOf, commonKeys } from "../../src/cni/schema.ts";

/** loopback has no keys of its own. */
export const schema = { $id: "loopback", type: "object", properties: commonKeys } as const;

export type LoopbackConfig = ConfigOf<typeof schema>;
