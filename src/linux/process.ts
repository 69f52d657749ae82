import { Descriptor } from "./descriptor.ts";
import { call } from "./libc.ts";

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;

/**
 * The ID of the process that connected (SO_PEERCRED of unix(7)), as this process sees it: 0 when it is in no PID namespace
 * that can be seen from here.
 */
export function peerProcess(connection: Descriptor): number {
  const ucred = Buffer.alloc(12);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(ucred.length);
  call("getsockopt", connection.fd, SOL_SOCKET, SO_PEERCRED, ucred, length);
  return ucred.readInt32LE(0);
}

/** Numbers of asm/unistd_64.h. */
const pidfd_open = 434n;
const pidfd_getfd = 438n;

/** A process that may not be followed by another of the same ID while this is open (pidfd_open(2)). */
export class ProcessDescriptor extends Descriptor {
  /** @throws SystemError, as ESRCH when it is over. */
  static open(pid: number): ProcessDescriptor {
    return new ProcessDescriptor(call("syscall", pidfd_open, BigInt(pid), 0n, 0n));
  }

  /** A descriptor of the process, as its child would have it. @throws SystemError, as EPERM or EBADF. */
  duplicate(fd: number): Descriptor {
    return new Descriptor(call("syscall", pidfd_getfd, BigInt(this.fd), BigInt(fd), 0n));
  }
}

/** Lets the kernel end this process when so many seconds have passed; 0: no more (alarm(2)). */
export function endAfter(seconds: number): void {
  call("alarm", seconds);
}
