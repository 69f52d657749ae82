import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { basename, resolve } from "node:path";

/** A device by its bus (`pci`, `virtio`, `auxiliary`) and its name there. */
export interface Device {
  readonly bus: string;
  readonly name: string;
  /** Where sysfs has it; left out: where its bus links to it. */
  readonly path?: string;
}

/** Drivers that hand a PCI device to a process. */
const userspaceDrivers = ["vfio-pci", "uio_pci_generic", "igb_uio"];

function pathOf({ bus, name, path }: Device): string {
  return path ?? `/sys/bus/${bus}/devices/${name}`;
}

/** The first of these buses that has a device of that name. */
export function busOf<Bus extends string>(name: string, buses: readonly Bus[]): Bus | undefined {
  return buses.find((bus) => existsSync(pathOf({ bus, name })));
}

/** The device at a path beneath /sys/devices; on no bus when there is none. */
export function deviceAt(path: string): Device {
  return { bus: linkedName(`${path}/subsystem`) ?? "", name: basename(path), path };
}

export function isUserspaceDriver(device: Device): boolean {
  return userspaceDrivers.includes(linkedName(`${pathOf(device)}/driver`) ?? "");
}

/** The devices that a device consists of for the kernel: of a virtio device on PCI, interfaces belong to `virtio<n>`. */
export function virtioDevices(device: Device): Device[] {
  const names = list(pathOf(device)).filter((name) => /^virtio\d+$/.test(name));
  return names.map((name) => ({ bus: "virtio", name, path: `${pathOf(device)}/${name}` }));
}

/** The interfaces of a device, of those in the network namespace that sysfs was mounted in. */
export function interfacesOf(device: Device): string[] {
  return list(`${pathOf(device)}/net`);
}

function list(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}

function linkedName(path: string): string | undefined {
  try {
    return basename(resolve(path, "..", readlinkSync(path)));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EINVAL") return undefined;
    throw error;
  }
}
