import { readSync, writeSync } from "node:fs";
import type { Address } from "../ip/address.ts";
import { type Descriptor, openSocket, setSocketOption } from "./descriptor.ts";
import { call } from "./libc.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_BROADCAST = 6;
const SO_BINDTODEVICE = 25;
/** The largest IPv4 datagram, in its frame. */
const LARGEST = 65_536;

/** Frames of one protocol (linux/if_ether.h: ETH_P_*) on one link, as they are on the wire; reads never wait. */
export function openPacketSocket(index: number, protocol: number): Descriptor {
  using undo = new DisposableStack();
  // Without a protocol until it is bound: else frames of other links come in between (packet(7)).
  const socket = undo.use(openSocket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0));
  // struct sockaddr_ll
  const address = Buffer.alloc(20);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeUInt16BE(protocol, 2);
  address.writeInt32LE(index, 4);
  call("bind", socket.fd, address, address.length);
  undo.move();
  return socket;
}

/** One end of UDP datagrams. */
export interface UdpEnd {
  readonly address: Address;
  readonly port: number;
}

/** An UDP socket that speaks by one link alone, and may broadcast; reads never wait. @throws SystemError. */
export function openUdpSocket(link: { readonly name: string; readonly index: number }, local: UdpEnd): Descriptor {
  using undo = new DisposableStack();
  const domain = local.address.family === 4 ? AF_INET : AF_INET6;
  const socket = undo.use(openSocket(domain, SOCK_DGRAM | SOCK_NONBLOCK, 0));
  setSocketOption(socket, SOL_SOCKET, SO_REUSEADDR, 1);
  setSocketOption(socket, SOL_SOCKET, SO_BROADCAST, 1);
  const device = Buffer.from(`${link.name}\0`);
  call("setsockopt", socket.fd, SOL_SOCKET, SO_BINDTODEVICE, device, device.length);
  const address = socketAddress(local, link.index);
  call("bind", socket.fd, address, address.length);
  undo.move();
  return socket;
}

/** @param index the link, where the destination is of this link only (IPv6 link-local and multicast). */
export function sendDatagram(socket: Descriptor, payload: Buffer, to: UdpEnd, index: number): void {
  const address = socketAddress(to, index);
  call("sendto", socket.fd, payload, BigInt(payload.length), 0, address, address.length);
}

/** Sends one frame by a packet socket. */
export function sendFrame(socket: Descriptor, frame: Buffer): void {
  writeSync(socket.fd, frame);
}

/** The next datagram or frame; undefined when none is there. */
export function receiveDatagram(socket: Descriptor): Buffer | undefined {
  const buffer = Buffer.allocUnsafe(LARGEST);
  try {
    return Buffer.from(buffer.subarray(0, readSync(socket.fd, buffer)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return undefined;
    throw error;
  }
}

/** `struct sockaddr_in`, `struct sockaddr_in6`. */
function socketAddress({ address, port }: UdpEnd, scope: number): Buffer {
  const bytes = Buffer.alloc(address.family === 4 ? 16 : 28);
  bytes.writeUInt16LE(address.family === 4 ? AF_INET : AF_INET6, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(address.bytes, address.family === 4 ? 4 : 8);
  if (address.family === 6) bytes.writeUInt32LE(scope, 24);
  return bytes;
}
