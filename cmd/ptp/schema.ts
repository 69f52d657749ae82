import { wishKeys, wishRuntimeKeys } from "../../src/attach/firewall/wishes.ts";
import { bandwidth, type ConfigOf, commonKeys, ipam, ips, mac } from "../../src/cni/schema.ts";

/** Configuration of the ptp plugin. */
export const schema = {
  $id: "ptp",
  type: "object",
  properties: {
    ...commonKeys,
    ipam,
    mtu: { type: "integer", minimum: 0, maximum: 65535, description: "MTU in bytes; 0: the kernel's default" },
    mac: { ...mac, description: "MAC address of the container's end. Default: made up" },
    ...wishKeys,
    runtimeConfig: { type: "object", properties: { mac, ips, bandwidth, ...wishRuntimeKeys } },
    args: { type: "object", properties: { cni: { type: "object", properties: { mac } } } },
  },
} as const;

export type PtpSchema = ConfigOf<typeof schema>;
