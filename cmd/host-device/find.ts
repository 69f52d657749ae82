import type { NetworkStack } from "../../src/attach/stack.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import { getLink, type Link, listLinks } from "../../src/rtnetlink/link.ts";
import type { Selector } from "./config.ts";
import { type Device, interfacesOf, virtioDevices } from "./sysfs.ts";

/** The longest name that is a link's first one (IFNAMSIZ of linux/if.h). */
const longestName = 15;

/** @returns undefined when the host has no such interface. */
export function findInterface(host: NetworkStack, selector: Selector): Link | undefined {
  if (selector.key === "device") {
    const { name } = selector;
    return getLink(host.route, Buffer.byteLength(name) > longestName ? { alternativeName: name } : { name });
  }
  const links = listLinks(host.route);
  if (selector.key === "hwaddr") {
    const { mac } = selector;
    return links.find((link) => link.mac === mac) ?? links.find((link) => link.permanentMac === mac);
  }
  return findByDevice(links, selector.device);
}

/**
 * The error where the host has no such interface.
 *
 * @param holder who has it, if that is known.
 */
export function notFound(selector: Selector, holder: string | undefined): CniError {
  const wanted = describe(selector);
  const reason = holder === undefined ? "the host has no such interface" : `${holder} has it`;
  return new CniError(ErrorCode.invalidConfig, `failed to find host device ${wanted}: ${reason}`, {
    details: `${selector.key}: found ${JSON.stringify(wanted)}, allowed: what names an interface of the host that no container has`,
  });
}

export function describe(selector: Selector): string {
  if (selector.key === "device") return selector.name;
  return selector.key === "hwaddr" ? selector.mac : (selector.device.path ?? selector.device.name);
}

/**
 * Since Linux 5.14 links tell their device. Before, sysfs alone does, which shows the links of the network namespace that
 * it was mounted in.
 */
function findByDevice(links: readonly Link[], device: Device): Link | undefined {
  const devices = [device, ...virtioDevices(device)];
  const told = links.filter(({ deviceName, deviceBus }) =>
    devices.some(({ bus, name }) => bus === deviceBus && name === deviceName),
  );
  if (told.length > 0) return told.sort((a, b) => (a.name < b.name ? -1 : 1))[0];
  const names = devices.flatMap(interfacesOf);
  const byName = names.map((name) => links.find((link) => link.name === name && link.deviceName === undefined));
  return byName.find((link) => link !== undefined);
}
