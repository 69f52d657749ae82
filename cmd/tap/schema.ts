import { type ConfigOf, commonKeys, ipam, ips, mac } from "../../src/cni/schema.ts";

const id = { type: "integer", minimum: 0, maximum: 4294967294 } as const;

/** Configuration of the tap plugin. */
export const schema = {
  $id: "tap",
  type: "object",
  properties: {
    ...commonKeys,
    multiQueue: { type: "boolean", description: "Several queues can be open at once. Default: false" },
    mtu: { type: "integer", minimum: 0, maximum: 65521, description: "In bytes; 0: the kernel's default" },
    mac: { ...mac, description: "MAC address of the device. Default: derived from its first address, else random" },
    owner: { ...id, description: "ID of the user who may open the device" },
    group: { ...id, description: "ID of the group who may open the device" },
    selinuxContext: { type: "string", description: "SELinux context of the process that makes the device" },
    bridge: {
      type: "string",
      maxLength: 15,
      description: "A bridge in the container that the device is to be a port of",
    },
    ipam,
    runtimeConfig: { type: "object", properties: { mac, ips } },
    args: { type: "object", properties: { cni: { type: "object", properties: { mac } } } },
  },
} as const;

export type TapSchema = ConfigOf<typeof schema>;
