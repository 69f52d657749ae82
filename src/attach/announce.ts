import type { Address } from "../ip/address.ts";
import { type Mac, macBytes } from "../ip/mac.ts";
import { sendFrames } from "../linux/packet.ts";
import type { NetworkStack } from "./stack.ts";

const ETHERTYPE_ARP = 0x0806;
const ETHERTYPE_IPV6 = 0x86dd;

/**
 * Tells the neighbours of a link which MAC its addresses have now, so that nobody waits on the one that an address had
 * before: gratuitous ARP (RFC 5227 section 3) and unsolicited neighbour advertisements (RFC 4861 section 7.2.6).
 */
export function announce(stack: NetworkStack, index: number, mac: Mac, addresses: readonly Address[]): void {
  const frames = addresses.map((address) =>
    address.family === 4 ? gratuitousArp(mac, address) : advertisement(mac, address),
  );
  stack.namespace.run(() => sendFrames(index, frames));
}

function gratuitousArp(mac: Mac, address: Address): Buffer {
  const hardware = macBytes(mac);
  const ethernetIPv4Request = [0, 1, 0x08, 0, 6, 4, 0, 1];
  const nobody = new Uint8Array(6);
  const payload = [...ethernetIPv4Request, ...hardware, ...address.bytes, ...nobody, ...address.bytes];
  return frame(macBytes("ff:ff:ff:ff:ff:ff"), hardware, ETHERTYPE_ARP, payload);
}

function advertisement(mac: Mac, address: Address): Buffer {
  const hardware = macBytes(mac);
  const allNodes = [0xff, 0x02, ...new Uint8Array(13), 1];
  const override = [0x20, 0, 0, 0];
  const targetLinkLayerAddress = [2, 1, ...hardware];
  const message = [136, 0, 0, 0, ...override, ...address.bytes, ...targetLinkLayerAddress];
  const pseudoHeader = [...address.bytes, ...allNodes, 0, 0, 0, message.length, 0, 0, 0, 58];
  const checksum = internetChecksum([...pseudoHeader, ...message]);
  message[2] = checksum >> 8;
  message[3] = checksum & 0xff;
  const header = [0x60, 0, 0, 0, 0, message.length, 58, 255, ...address.bytes, ...allNodes];
  return frame(macBytes("33:33:00:00:00:01"), hardware, ETHERTYPE_IPV6, [...header, ...message]);
}

function frame(to: Uint8Array, from: Uint8Array, type: number, payload: readonly number[]): Buffer {
  return Buffer.from([...to, ...from, type >> 8, type & 0xff, ...payload]);
}

/** RFC 1071. @param bytes an even number of them. */
function internetChecksum(bytes: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
