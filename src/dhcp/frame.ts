import { Address } from "../ip/address.ts";
import { type Mac, macBytes, macFromBytes } from "../ip/mac.ts";
import type { UdpEnd } from "../linux/datagramsocket.ts";

/** A UDP datagram in its Ethernet frame, as a client speaks that has no address yet, or none any more. */
export interface Frame {
  readonly fromMac: Mac;
  readonly toMac: Mac;
  readonly from: UdpEnd;
  readonly to: UdpEnd;
  readonly payload: Buffer;
  /** Of its tag (IEEE 802.1Q); undefined: it has none. */
  readonly vlan?: number | undefined;
}

/** linux/if_ether.h: ETH_P_IP, ETH_P_IPV6. */
export const EtherType = { 4: 0x0800, 6: 0x86dd } as const;

/** ETH_P_8021Q. */
const TAGGED = 0x8100;
const ETHERNET_HEADER = 14;
const UDP = 17;
const UDP_HEADER = 8;
const HOPS = 128;

export function encodeFrame({ fromMac, toMac, from, to, payload, vlan }: Frame): Buffer {
  const { family } = from.address;
  const tag = vlan === undefined ? [] : [TAGGED >> 8, TAGGED & 255, vlan >> 8, vlan & 255];
  const type = [EtherType[family] >> 8, EtherType[family] & 255];
  const ethernet = Buffer.from([...macBytes(toMac), ...macBytes(fromMac), ...tag, ...type]);
  const udp = Buffer.alloc(UDP_HEADER);
  const length = UDP_HEADER + payload.length;
  udp.writeUInt16BE(from.port, 0);
  udp.writeUInt16BE(to.port, 2);
  udp.writeUInt16BE(length, 4);
  const sum = checksum(pseudoHeader(from.address, to.address, length), udp, payload);
  // Zero would say that there is none (RFC 768).
  udp.writeUInt16BE(sum === 0 ? 0xffff : sum, 6);
  const header = family === 4 ? header4(from.address, to.address, length) : header6(from.address, to.address, length);
  return Buffer.concat([ethernet, header, udp, payload]);
}

/** The UDP datagram in an IPv4 frame; undefined where there is none, or it is damaged. */
export function decodeFrame4(bytes: Buffer): Frame | undefined {
  const packet = bytes.subarray(ETHERNET_HEADER);
  if (packet.length < 20 || bytes.readUInt16BE(12) !== EtherType[4]) return undefined;
  const headerLength = (packet.readUInt8(0) & 15) * 4;
  const total = packet.readUInt16BE(2);
  const isFragment = (packet.readUInt16BE(6) & 0x3fff) !== 0;
  if (packet.readUInt8(0) >> 4 !== 4 || headerLength < 20 || packet[9] !== UDP || isFragment) return undefined;
  if (total > packet.length || total < headerLength + UDP_HEADER) return undefined;
  if (checksum(packet.subarray(0, headerLength)) !== 0) return undefined;
  const [source, destination] = [
    Address.fromBytes(packet.subarray(12, 16)),
    Address.fromBytes(packet.subarray(16, 20)),
  ];
  const udp = packet.subarray(headerLength, total);
  const length = udp.readUInt16BE(4);
  if (length < UDP_HEADER || length > udp.length) return undefined;
  if (!isIntact(source, destination, udp.subarray(0, length))) return undefined;
  return {
    toMac: macFromBytes(bytes.subarray(0, 6)),
    fromMac: macFromBytes(bytes.subarray(6, 12)),
    from: { address: source, port: udp.readUInt16BE(0) },
    to: { address: destination, port: udp.readUInt16BE(2) },
    payload: udp.subarray(UDP_HEADER, length),
  };
}

/**
 * A datagram that never was on a wire may lack its checksum: the field has the sum of the pseudo-header then, for the
 * network card to go on with (Documentation/networking/checksum-offloads.rst).
 */
function isIntact(source: Address, destination: Address, udp: Buffer): boolean {
  const told = udp.readUInt16BE(6);
  const pseudo = pseudoHeader(source, destination, udp.length);
  return told === 0 || checksum(pseudo, udp) === 0 || told === (~checksum(pseudo) & 0xffff);
}

function header4(source: Address, destination: Address, length: number): Buffer {
  const header = Buffer.alloc(20);
  header.set([0x45, 0x10], 0);
  header.writeUInt16BE(20 + length, 2);
  header.set([HOPS, UDP], 8);
  header.set(source.bytes, 12);
  header.set(destination.bytes, 16);
  header.writeUInt16BE(checksum(header), 10);
  return header;
}

function header6(source: Address, destination: Address, length: number): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(0x60, 0);
  header.writeUInt16BE(length, 4);
  header.set([UDP, HOPS], 6);
  return Buffer.concat([header, source.bytes, destination.bytes]);
}

function pseudoHeader(source: Address, destination: Address, length: number): Buffer {
  return Buffer.concat([source.bytes, destination.bytes, Buffer.of(0, UDP, length >> 8, length & 255)]);
}

/** RFC 1071; all parts but the last have an even length. */
function checksum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) sum += ((part[i] ?? 0) << 8) | (part[i + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
