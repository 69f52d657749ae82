import type { Channel } from "../../src/dhcp/channel.ts";
import { decodeFrame4, EtherType, encodeFrame } from "../../src/dhcp/frame.ts";
import { Address } from "../../src/ip/address.ts";
import {
  openPacketSocket,
  openUdpSocket,
  receiveDatagram,
  sendDatagram,
  sendFrame,
  type UdpEnd,
} from "../../src/linux/datagramsocket.ts";
import type { Loop } from "./loop.ts";
import type { Place } from "./place.ts";

/** The MAC of all. */
export const everybody = "ff:ff:ff:ff:ff:ff";
const CLIENT_PORT = 68;
const SERVER_PORT = 67;
const CLIENT_PORT_6 = 546;
const SERVER_PORT_6 = 547;
/** To all servers of the link. */
export const broadcast4: UdpEnd = { address: new Address(4, 0xffffffffn), port: SERVER_PORT };
/** To all servers and relays of the link (RFC 8415 section 7.1). */
export const multicast6: UdpEnd = { address: Address.parse("ff02::1:2"), port: SERVER_PORT_6 };

/** The way to the servers for a link without an address: frames, which the kernel would neither send nor deliver. */
export function openFrameChannel(loop: Loop, { stack, link }: Place, signal: AbortSignal): Channel & Disposable {
  const socket = stack.namespace.run(() => openPacketSocket(link.index, EtherType[4]));
  const from = { address: new Address(4, 0n), port: CLIENT_PORT };
  return {
    send(payload) {
      sendFrame(socket, encodeFrame({ fromMac: link.mac, toMac: everybody, from, to: broadcast4, payload }));
    },
    async receive(until) {
      while (await loop.readable([socket.fd], until, signal)) {
        const bytes = receiveDatagram(socket);
        const frame = bytes && decodeFrame4(bytes);
        if (frame?.to.port === CLIENT_PORT) return { payload: frame.payload, mac: frame.fromMac };
      }
      return undefined;
    },
    [Symbol.dispose]: () => socket[Symbol.dispose](),
  };
}

/**
 * The way to servers, or one server, for a link that has an address. Of IPv4 it hears what is said to all as well: so servers
 * refuse (RFC 2131 section 4.1).
 */
export function openUdpChannel(
  loop: Loop,
  { stack, link }: Place,
  { local, remote }: { readonly local: UdpEnd; readonly remote: UdpEnd },
  signal: AbortSignal,
): Channel & Disposable {
  using undo = new DisposableStack();
  const ends = [local, ...(local.address.family === 4 ? [{ ...local, address: broadcast4.address }] : [])];
  const sockets = ends.map((end) => stack.namespace.run(() => undo.use(openUdpSocket(link, end))));
  const fds = sockets.map(({ fd }) => fd);
  const open = undo.move();
  return {
    send(payload) {
      const [own] = sockets;
      if (own !== undefined) sendDatagram(own, payload, remote, link.index);
    },
    async receive(until) {
      while (await loop.readable(fds, until, signal)) {
        for (const socket of sockets) {
          const payload = receiveDatagram(socket);
          if (payload !== undefined) return { payload };
        }
      }
      return undefined;
    },
    [Symbol.dispose]: () => open.dispose(),
  };
}

/** The ends of what a client and a server say to each other, by their addresses. */
export function clientEnd(address: Address): UdpEnd {
  return { address, port: address.family === 4 ? CLIENT_PORT : CLIENT_PORT_6 };
}

export function serverEnd(address: Address): UdpEnd {
  return { address, port: address.family === 4 ? SERVER_PORT : SERVER_PORT_6 };
}
