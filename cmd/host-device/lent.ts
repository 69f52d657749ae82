import type { Mac } from "../../src/ip/mac.ts";
import type { Link } from "../../src/rtnetlink/link.ts";
import type { Selector } from "./config.ts";

/** An interface of the host as it was, to know it again and to put it back. */
export interface Lent {
  readonly name: string;
  readonly alias?: string;
  readonly mac?: Mac;
  readonly permanentMac?: Mac;
  readonly deviceName?: string;
  readonly deviceBus?: string;
}

/** Whether a link is the one that was lent: by its hardware, where it has any. */
export function isLent({ deviceName, deviceBus, permanentMac }: Link, lent: Lent): boolean {
  if (lent.deviceName !== undefined) return deviceName === lent.deviceName && deviceBus === lent.deviceBus;
  return permanentMac === lent.permanentMac;
}

/** Whether the kernel keeps it when its namespace ends. */
export function hasHardware({ deviceName, permanentMac }: Lent): boolean {
  return deviceName !== undefined || permanentMac !== undefined;
}

export function describeLink({ name, alias, mac, permanentMac, deviceName, deviceBus }: Link): Lent {
  return {
    name,
    ...(alias && { alias }),
    ...(mac && { mac }),
    ...(permanentMac && { permanentMac }),
    ...(deviceName && { deviceName }),
    ...(deviceBus && { deviceBus }),
  };
}

export function isSelected({ name, mac, permanentMac, deviceName, deviceBus }: Lent, selector: Selector): boolean {
  if (selector.key === "device") return name === selector.name;
  if (selector.key === "hwaddr") return [mac, permanentMac].includes(selector.mac);
  return deviceBus === selector.device.bus && deviceName === selector.device.name;
}
