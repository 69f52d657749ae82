import { openSocket } from "./descriptor.ts";
import { call } from "./libc.ts";

const AF_PACKET = 17;
const SOCK_RAW = 3;

/** `struct sockaddr_ll` of linux/if_packet.h: a link of the thread's network namespace. */
function linkAddress(index: number): Buffer {
  const address = Buffer.alloc(20);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeInt32LE(index, 4);
  return address;
}

/** Sends whole Ethernet frames out of a link of the thread's network namespace. @throws SystemError. */
export function sendFrames(index: number, frames: readonly Buffer[]): void {
  // Protocol 0: the socket only sends, so no packet that comes in is queued to it.
  using socket = openSocket(AF_PACKET, SOCK_RAW, 0);
  const address = linkAddress(index);
  for (const frame of frames) call("sendto", socket.fd, frame, BigInt(frame.length), 0, address, address.length);
}
