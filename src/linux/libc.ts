import { DynamicLibrary, type dlopen, getCurrentEventLoop, getInt32, toString as stringAt } from "node:ffi";
import { getSystemErrorName } from "node:util";

/** The C library's functions that Node.js has no twin of. Addresses are buffers; a negative result is an error. */
const signatures = {
  socket: { arguments: ["int32", "int32", "int32"], return: "int32" },
  connect: { arguments: ["int32", "buffer", "uint32"], return: "int32" },
  bind: { arguments: ["int32", "buffer", "uint32"], return: "int32" },
  listen: { arguments: ["int32", "int32"], return: "int32" },
  accept4: { arguments: ["int32", "pointer", "pointer", "int32"], return: "int32" },
  setsockopt: { arguments: ["int32", "int32", "int32", "buffer", "uint32"], return: "int32" },
  getsockopt: { arguments: ["int32", "int32", "int32", "buffer", "buffer"], return: "int32" },
  sendto: { arguments: ["int32", "buffer", "uint64", "int32", "buffer", "uint32"], return: "int64" },
  setns: { arguments: ["int32", "int32"], return: "int32" },
  unshare: { arguments: ["int32"], return: "int32" },
  poll: { arguments: ["buffer", "uint64", "int32"], return: "int32" },
  flock: { arguments: ["int32", "int32"], return: "int32" },
  ioctl: { arguments: ["int32", "uint64", "pointer"], return: "int32" },
  alarm: { arguments: ["uint32"], return: "uint32" },
  /** With a number of asm/unistd_64.h, for what glibc 2.28 has no function of. */
  syscall: { arguments: ["int64", "int64", "int64", "int64"], return: "int64" },
  inotify_init1: { arguments: ["int32"], return: "int32" },
  inotify_add_watch: { arguments: ["int32", "buffer", "uint32"], return: "int32" },
  /** Of libuv, which the executable has in it as well. */
  uv_backend_fd: { arguments: ["pointer"], return: "int32" },
  strerror: { arguments: ["int32"], return: "pointer" },
  _exit: { arguments: ["int32"], return: "void" },
  __errno_location: { arguments: [], return: "pointer" },
} as const;

type Libc = ReturnType<typeof dlopen<typeof signatures>>["functions"];
type Call = Exclude<keyof Libc, "strerror" | "_exit" | "__errno_location">;

let library: DynamicLibrary | undefined;
const loaded: Partial<Libc> = {};

/** Each function is made callable when it is first asked for: that takes about 30 system calls. */
function libc<Name extends keyof Libc>(name: Name): Libc[Name] {
  const known = loaded[name];
  if (known !== undefined) return known;
  // No path: the process's own image, which already has the C library in it.
  library ??= new DynamicLibrary(null);
  const made = library.getFunction(name, signatures[name]) as Libc[Name];
  loaded[name] = made;
  return made;
}

/** A system call that failed. `code` is errno's name, as in the errors of `node:fs`. */
export class SystemError extends Error {
  override readonly name = "SystemError";
  readonly syscall: string;
  readonly errno: number;
  readonly code: string;

  constructor(syscall: string, errno: number) {
    super(`${syscall}: ${errorText(errno)}`);
    this.syscall = syscall;
    this.errno = errno;
    this.code = errorName(errno);
  }
}

/**
 * Calls the C library and gives its result.
 *
 * @throws SystemError when the result is negative.
 */
export function call<Name extends Call>(name: Name, ...args: Parameters<Libc[Name]>): number {
  // Both before the call: to make one callable would overwrite errno.
  const [errnoLocation, callee] = [libc("__errno_location"), libc(name) as (...args: unknown[]) => number | bigint];
  const result = Number(callee(...args));
  if (result < 0) throw new SystemError(name, getInt32(errnoLocation()));
  return result;
}

/** A descriptor that can be read when Node.js' own event loop has something to do, as to tell of a signal. */
export function eventLoopDescriptor(): number {
  return call("uv_backend_fd", getCurrentEventLoop());
}

/**
 * Ends the process at once, as _exit(2) does: Node.js' own way out takes down V8's heap piece by piece, and waits for its
 * threads to be scheduled so that they end.
 */
export function exit(status: number): never {
  throw libc("_exit")(status);
}

/** What the C library says of an error number: `File exists`. */
export function errorText(errno: number): string {
  return stringAt(libc("strerror")(errno)) ?? `Error ${errno}`;
}

const EOPNOTSUPP = 95;

/** The name of an error number: `EEXIST`. */
export function errorName(errno: number): string {
  // Node.js has its other name, ENOTSUP, which the kernel does not use.
  if (errno === EOPNOTSUPP) return "EOPNOTSUPP";
  try {
    return getSystemErrorName(-errno);
  } catch {
    return `errno ${errno}`;
  }
}
