import { resolve } from "node:path";
import { validate } from "../../build/generated/host-device.js";
import { ipamTypeIn } from "../../src/attach/lease.ts";
import { decodeConfig, invalidConfig, readAs } from "../../src/cni/config.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import type { Network } from "../../src/cni/plugin.ts";
import type { DNS } from "../../src/cni/result.ts";
import { type Mac, parseMac } from "../../src/ip/mac.ts";
import { schema } from "./schema.ts";
import { busOf, type Device, deviceAt, isUserspaceDriver } from "./sysfs.ts";

/** What the errors call the configuration. */
const what = "host-device configuration";

/** How the configuration says which interface it is. */
export type Selector =
  | { readonly key: "device"; readonly name: string }
  | { readonly key: "hwaddr"; readonly mac: Mac }
  | { readonly key: "kernelpath" | "pciBusID" | "runtimeConfig.deviceID"; readonly device: Device };

export interface HostDeviceConfig {
  /** Undefined on DEL and GC alone, which go by what was recorded. */
  readonly selector: Selector | undefined;
  /** The address of the PCI device, where that is what the configuration names. */
  readonly pciID: string | undefined;
  /** A driver hands the device to a process (DPDK), so that the kernel has no interface of it. */
  readonly userspace: boolean;
  /** Undefined: no addresses. */
  readonly ipam: string | undefined;
  readonly dns: DNS;
}

/** @throws CniError (invalidConfig). */
export function configure({ raw }: Network): HostDeviceConfig {
  const {
    device,
    hwaddr,
    kernelpath,
    pciBusID,
    runtimeConfig,
    ipam,
    dns = {},
  } = decodeConfig(schema, validate, raw, what);
  const requested = runtimeConfig?.deviceID ? findOnBus(runtimeConfig.deviceID) : undefined;
  const pci = requested?.bus === "pci" ? requested : pciBusID ? ({ bus: "pci", name: pciBusID } as const) : undefined;
  const onBus = pci ?? requested;
  const onBusKey = onBus === requested ? "runtimeConfig.deviceID" : "pciBusID";
  const selector: Selector | undefined =
    (device && { key: "device", name: device }) ||
    (hwaddr && {
      key: "hwaddr",
      mac: readAs(parseMac, what, "hwaddr", hwaddr, "a MAC address, as 02:42:0a:01:00:02"),
    }) ||
    (kernelpath && { key: "kernelpath", device: deviceAt(normal(kernelpath)) }) ||
    (onBus && { key: onBusKey, device: onBus }) ||
    undefined;
  if (selector === undefined) throw nothingNamed();
  return {
    selector,
    pciID: pci?.name,
    userspace: pci !== undefined && isUserspaceDriver(pci),
    ipam: ipam?.type || undefined,
    dns,
  };
}

export function configureForRelease({ raw }: Network): HostDeviceConfig {
  return { selector: undefined, pciID: undefined, userspace: false, ipam: ipamTypeIn(raw), dns: {} };
}

function findOnBus(name: string): Device {
  const bus = busOf(name, ["pci", "auxiliary"]);
  if (bus !== undefined) return { bus, name };
  throw new CniError(ErrorCode.invalidConfig, `runtime config DeviceID ${name} not found or unsupported`, {
    details: `runtimeConfig.deviceID: found ${JSON.stringify(name)}, allowed: the PCI address, or the name of the auxiliary device, of a device of this host`,
  });
}

/** Dots in a path must not lead out of /sys/devices. */
function normal(path: string): string {
  const found = resolve(path);
  if (found.startsWith("/sys/devices/")) return found;
  throw invalidConfig(what, "kernelpath", path, "a path beneath /sys/devices/");
}

function nothingNamed(): CniError {
  const message = 'specify either "device", "hwaddr", "kernelpath" or "pciBusID"';
  return new CniError(ErrorCode.invalidConfig, message, {
    details: "device, hwaddr, kernelpath, pciBusID, runtimeConfig.deviceID: found nothing, allowed: one of them",
  });
}
