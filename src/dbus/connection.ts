import { readSync, writeSync } from "node:fs";
import { setReceiveTimeout } from "../linux/descriptor.ts";
import { connectUnix } from "../linux/unixsocket.ts";
import { encodeCall, type MethodCall, readMessage } from "./message.ts";

/** A method that failed; `name` of D-Bus's error, as `org.freedesktop.DBus.Error.ServiceUnknown`. */
export class DBusError extends Error {
  override readonly name = "DBusError";
  readonly error: string;

  constructor(member: string, error: string, text: string) {
    super(`Cannot call ${member}: ${text || error}`);
    this.error = error;
  }
}

const ANSWER_TIMEOUT_MS = 25_000;
const systemBus = "/run/dbus/system_bus_socket";

/** A connection to a bus: one call at a time, each waited for. Much smaller and quicker to load than an asynchronous one. */
export interface Bus extends Disposable {
  /** @throws DBusError with what the method answered; SystemError when the bus does not answer. */
  call(method: MethodCall): string | boolean | undefined;
}

/** Connects to the system bus. @throws SystemError when there is none. */
export function openSystemBus(path = systemBus): Bus {
  using undo = new DisposableStack();
  const socket = undo.use(connectUnix(path));
  setReceiveTimeout(socket, ANSWER_TIMEOUT_MS);
  authenticate(socket.fd);

  let serial = 0;
  let received = Buffer.alloc(0);
  const callMethod = (method: MethodCall) => {
    writeAll(socket.fd, encodeCall(method, ++serial));
    for (;;) {
      const message = readMessage(received);
      if (message === undefined) {
        received = Buffer.concat([received, readSome(socket.fd)]);
        continue;
      }
      received = received.subarray(message.end);
      if (message.reply?.replyTo !== serial) continue;
      const { error, value } = message.reply;
      if (error !== undefined) throw new DBusError(method.member, error, String(value ?? ""));
      return value;
    }
  };
  const destination = "org.freedesktop.DBus";
  callMethod({ destination, path: "/org/freedesktop/DBus", interface: destination, member: "Hello", args: [] });
  const open = undo.move();
  return { call: callMethod, [Symbol.dispose]: () => open.dispose() };
}

/** D-Bus specification, "Authentication Protocol": the kernel tells the bus who we are. */
function authenticate(fd: number): void {
  const user = Buffer.from(String(process.geteuid?.() ?? 0)).toString("hex");
  writeAll(fd, Buffer.from(`\0AUTH EXTERNAL ${user}\r\n`));
  const answer = readSome(fd).toString();
  if (!answer.startsWith("OK ")) throw new Error(`Cannot use the system bus: it answered ${JSON.stringify(answer)}`);
  writeAll(fd, Buffer.from("BEGIN\r\n"));
}

function readSome(fd: number): Buffer {
  const buffer = Buffer.alloc(16384);
  const length = readSync(fd, buffer);
  if (length === 0) throw new Error("Cannot use the system bus: it closed the connection");
  return buffer.subarray(0, length);
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let offset = 0; offset < bytes.length; ) offset += writeSync(fd, bytes, offset);
}
