import { constants, openSync } from "node:fs";
import { Descriptor } from "./descriptor.ts";
import { call } from "./libc.ts";

const device = "/dev/net/tun";

/** linux/if_tun.h: requests, and flags of TUNSETIFF. */
const TUNSETIFF = 0x400454can;
const TUNSETPERSIST = 0x400454cbn;
const TUNSETOWNER = 0x400454ccn;
const TUNSETGROUP = 0x400454cen;
const TUNGETFEATURES = 0x800454cfn;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const IFF_MULTI_QUEUE = 0x0100;
/** Fails with EBUSY instead of opening the device that there is. */
const IFF_TUN_EXCL = 0x8000;

export interface Tap {
  readonly name: string;
  /** Whether several descriptors, one for each queue, can be open at once. */
  readonly multiQueue: boolean;
  /** The user and the group that may open it; neither: whoever has CAP_NET_ADMIN. */
  readonly owner?: number | undefined;
  readonly group?: number | undefined;
}

/**
 * Makes a tap device that stays in the thread's network namespace. Netlink cannot: the kernel answers EOPNOTSUPP
 * (tun_validate in drivers/net/tun.c).
 *
 * @throws the error of `node:fs` when the kernel has no /dev/net/tun; SystemError EBUSY when there is a device of that name.
 */
export function createTap({ name, multiQueue, owner, group }: Tap): void {
  using tap = new Descriptor(openSync(device, constants.O_RDWR));
  // struct ifreq: the name, and flags.
  const request = Buffer.alloc(40);
  request.write(name, 0, 15, "utf8");
  request.writeUInt16LE(IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL | (multiQueue ? IFF_MULTI_QUEUE : 0), 16);
  call("ioctl", tap.fd, TUNSETIFF, request);
  // Without TUNSETPERSIST, which comes last, it goes when the descriptor is closed.
  if (owner !== undefined) call("ioctl", tap.fd, TUNSETOWNER, BigInt(owner));
  if (group !== undefined) call("ioctl", tap.fd, TUNSETGROUP, BigInt(group));
  call("ioctl", tap.fd, TUNSETPERSIST, 1n);
}

/** @throws the error of `node:fs`, or SystemError, when no tap devices can be made. */
export function checkTaps(): void {
  using tap = new Descriptor(openSync(device, constants.O_RDWR));
  call("ioctl", tap.fd, TUNGETFEATURES, Buffer.alloc(4));
}
