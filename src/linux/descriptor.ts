import { closeSync } from "node:fs";
import { call } from "./libc.ts";

/** An open file descriptor, closed at the end of its scope. */
export class Descriptor implements Disposable {
  readonly fd: number;

  constructor(fd: number) {
    this.fd = fd;
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}

const SOCK_CLOEXEC = 0o2000000;

/** A socket in the thread's network namespace: it stays in that namespace wherever the thread goes. */
export function openSocket(domain: number, type: number, protocol: number): Descriptor {
  return new Descriptor(call("socket", domain, type | SOCK_CLOEXEC, protocol));
}

/** Sets a socket option whose value is a C int. */
export function setSocketOption(socket: Descriptor, level: number, option: number, value: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  call("setsockopt", socket.fd, level, option, bytes, bytes.length);
}

const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;

/** Makes reads fail with EAGAIN after `milliseconds` without data. */
export function setReceiveTimeout(socket: Descriptor, milliseconds: number): void {
  // No time at all would mean for ever (socket(7)).
  const microseconds = Math.max(1, Math.round(milliseconds * 1000));
  const timeval = Buffer.alloc(16);
  timeval.writeBigInt64LE(BigInt(Math.floor(microseconds / 1_000_000)), 0);
  timeval.writeBigInt64LE(BigInt(microseconds % 1_000_000), 8);
  call("setsockopt", socket.fd, SOL_SOCKET, SO_RCVTIMEO, timeval, timeval.length);
}
