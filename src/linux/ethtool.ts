import { getRawPointer } from "node:ffi";
import { openSocket } from "./descriptor.ts";
import { call } from "./libc.ts";

const AF_INET = 2;
const SOCK_DGRAM = 2;
/** linux/sockios.h */
const SIOCETHTOOL = 0x8946n;
/** linux/ethtool.h: reads and sets whether a link leaves checksums of what it sends to the hardware. */
const ETHTOOL_GTXCSUM = 0x16;
const ETHTOOL_STXCSUM = 0x17;

/** Whether a link of the thread's network namespace leaves the checksums of what it sends to the hardware. @throws SystemError. */
export function getTxChecksumOffload(link: string): boolean {
  return ethtool(link, ETHTOOL_GTXCSUM, 0) !== 0;
}

/** What `ethtool -K <link> tx on|off` does. @throws SystemError. */
export function setTxChecksumOffload(link: string, on: boolean): void {
  ethtool(link, ETHTOOL_STXCSUM, on ? 1 : 0);
}

/** `struct ifreq` with a pointer to `struct ethtool_value`. @returns the value, which the kernel may have changed. */
function ethtool(link: string, command: number, value: number): number {
  const argument = Buffer.alloc(8);
  argument.writeUInt32LE(command, 0);
  argument.writeUInt32LE(value, 4);
  const request = Buffer.alloc(40);
  request.write(link, 0, 15, "utf8");
  request.writeBigUInt64LE(getRawPointer(argument), 16);
  using socket = openSocket(AF_INET, SOCK_DGRAM, 0);
  call("ioctl", socket.fd, SIOCETHTOOL, request);
  return argument.readUInt32LE(4);
}
