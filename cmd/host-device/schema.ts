import { commonKeys, ipam, ips } from "../../src/cni/schema.ts";

const onBus = "^(?!\\.\\.?$)[^/]+$";

/** Configuration of the host-device plugin. An empty text is as if the key were absent. */
export const schema = {
  $id: "host-device",
  type: "object",
  properties: {
    ...commonKeys,
    device: { type: "string", maxLength: 127, description: "A name of the interface on the host" },
    hwaddr: { type: "string", description: "Its MAC address" },
    kernelpath: {
      type: "string",
      pattern: "^(/sys/devices/.+)?$",
      description: "Its device beneath /sys/devices/",
    },
    pciBusID: { type: "string", pattern: `^$|${onBus}`, description: "Its PCI address, as 0000:00:1f.6" },
    ipam,
    runtimeConfig: {
      type: "object",
      properties: {
        ips,
        deviceID: {
          type: "string",
          pattern: `^$|${onBus}`,
          description: "Its PCI address or the name of its auxiliary device, from a device plugin",
        },
      },
    },
  },
} as const;
