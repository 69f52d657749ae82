import { commonKeys } from "../../src/cni/schema.ts";

/** Configuration of the vrf plugin. */
export const schema = {
  $id: "vrf",
  type: "object",
  properties: {
    ...commonKeys,
    vrfname: {
      type: "string",
      maxLength: 15,
      pattern: "^(?!\\.\\.?$)[^\\s/:\\u0000]*$",
      description: "The VRF's name in the container",
    },
    table: {
      type: "integer",
      minimum: 0,
      maximum: 4294967295,
      description: "Its routing table. Default: 0, one that is free",
    },
  },
} as const;
