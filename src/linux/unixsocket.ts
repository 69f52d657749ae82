import { Descriptor, openSocket } from "./descriptor.ts";
import { call } from "./libc.ts";

const AF_UNIX = 1;
/** SOCK_* of socket(2). */
export const SocketType = { stream: 1, sequencedPacket: 5 } as const;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const BACKLOG = 128;

/** Connects to the stream socket at `path`. @throws SystemError, as ENOENT or ECONNREFUSED where nobody listens. */
export function connectUnix(path: string): Descriptor {
  using undo = new DisposableStack();
  const socket = undo.use(openSocket(AF_UNIX, SocketType.stream, 0));
  const address = unixAddress(path);
  call("connect", socket.fd, address, address.length);
  undo.move();
  return socket;
}

/** Listens at `path`, where there must be nothing. @param mode who may connect (unix(7): whoever may write). */
export function listenUnix(path: string, mode: number, type: number = SocketType.stream): Descriptor {
  using undo = new DisposableStack();
  const socket = undo.use(openSocket(AF_UNIX, type | SOCK_NONBLOCK, 0));
  const address = unixAddress(path);
  // The file gets its mode as it is made: there is no moment in which others may connect.
  const umask = process.umask(0o777 & ~mode);
  try {
    call("bind", socket.fd, address, address.length);
  } finally {
    process.umask(umask);
  }
  call("listen", socket.fd, BACKLOG);
  undo.move();
  return socket;
}

/** The next connection, whose reads and writes never wait. @throws SystemError EAGAIN when there is none. */
export function acceptUnix(listener: Descriptor): Descriptor {
  return new Descriptor(call("accept4", listener.fd, 0n, 0n, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

/** `struct sockaddr_un`. */
function unixAddress(path: string): Buffer {
  const address = Buffer.alloc(2 + Buffer.byteLength(path) + 1);
  address.writeUInt16LE(AF_UNIX);
  address.write(path, 2);
  return address;
}
