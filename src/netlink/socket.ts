import { readSync, writeSync } from "node:fs";
import { type Descriptor, openSocket, setReceiveTimeout, setSocketOption } from "../linux/descriptor.ts";
import { call } from "../linux/libc.ts";
import { NLMSG_DONE, NLMSG_ERROR, readError } from "./acknowledgement.ts";
import { NetlinkError } from "./error.ts";
import { type Message, readMessages } from "./message.ts";
import { Writer } from "./writer.ts";

/** Flags of a request (linux/netlink.h: NLM_F_*). */
export const RequestFlag = {
  request: 0x1,
  ack: 0x4,
  echo: 0x8,
  dump: 0x300,
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
  append: 0x800,
} as const;

/** One message to the kernel. */
export interface Request {
  /** What is asked for, in words that follow "Cannot" in an error: `add link eth0`. */
  readonly operation: string;
  readonly type: number;
  /** Of {@link RequestFlag}, beyond `request` and `ack`, which are always set. */
  readonly flags?: number;
  /** False: the kernel answers only to refuse, and then carries out none of the requests that follow (nfnetlink). */
  readonly acknowledged?: boolean;
  readonly write: (out: Writer) => void;
}

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;

const NLM_F_DUMP_INTR = 0x10;

/** The kernel fills at most 32 KiB of a dump into one read (netlink_dump in net/netlink/af_netlink.c). */
const RECEIVE_BUFFER = 65536;
/** net.core.wmem_default and rmem_default; a message of a tenth brings no more answers than fit in. */
const DEFAULT_BUFFER = 212992;
const SAFE_MESSAGE = DEFAULT_BUFFER / 10;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
/** The kernel answers a request while it is being sent; a silence of this length is a lost answer. */
const ANSWER_TIMEOUT_MS = 10_000;
const DUMP_TRIES = 20;

/** A netlink socket: it speaks with the network namespace in which it was opened. */
export class NetlinkSocket implements Disposable {
  readonly #socket: Descriptor;
  readonly #buffer = Buffer.allocUnsafe(RECEIVE_BUFFER);
  #sequence = 0;

  /**
   * @param protocol NETLINK_ROUTE (0), NETLINK_NETFILTER (12).
   * @param groups a bit mask of multicast groups (RTMGRP_*) to listen to.
   */
  constructor(protocol: number, groups = 0) {
    using undo = new DisposableStack();
    this.#socket = undo.use(openSocket(AF_NETLINK, SOCK_RAW, protocol));
    setSocketOption(this.#socket, SOL_NETLINK, NETLINK_EXT_ACK, 1);
    setSocketOption(this.#socket, SOL_NETLINK, NETLINK_CAP_ACK, 1);
    setSocketOption(this.#socket, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
    setReceiveTimeout(this.#socket, ANSWER_TIMEOUT_MS);
    if (groups !== 0) call("bind", this.#socket.fd, socketAddress(groups), 12);
    undo.move();
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  /** To be waited for among others; {@link listen} reads it. */
  get fd(): number {
    return this.#socket.fd;
  }

  /**
   * Sends one request and gives the kernel's answers to it.
   *
   * @throws NetlinkError when the kernel refuses.
   */
  request(request: Request): Message[] {
    return this.batch([request]);
  }

  /**
   * Sends several requests in one message to the kernel, which handles them in order.
   *
   * @throws NetlinkError for the first that the kernel refuses; outside nf_tables the others are carried out all the same.
   */
  batch(requests: readonly Request[]): Message[] {
    const first = this.#sequence + 1;
    const out = new Writer();
    for (const { type, flags = 0, acknowledged = true, write } of requests) {
      const ack = acknowledged ? RequestFlag.ack : 0;
      const header = { type, flags: flags | RequestFlag.request | ack, sequence: ++this.#sequence };
      out.message(header, () => write(out));
    }
    this.#send(out.bytes);

    const answers: Message[] = [];
    const failures: NetlinkError[] = [];
    for (let waiting = requests.filter(({ acknowledged = true }) => acknowledged).length; waiting > 0; ) {
      for (const message of this.#receive()) {
        const request = requests[message.sequence - first];
        if (request === undefined) continue;
        if (message.type !== NLMSG_ERROR) {
          answers.push({ ...message, body: Buffer.from(message.body) });
          continue;
        }
        const failure = readError(request.operation, message);
        if (request.acknowledged === false && failure !== undefined) throw failure;
        waiting--;
        if (failure !== undefined) failures.push(failure);
      }
    }
    if (failures[0] !== undefined) throw failures[0];
    return answers;
  }

  /**
   * Asks for a whole table. A table that changed meanwhile is asked for again, since entries may be missing then.
   *
   * @throws NetlinkError when the kernel refuses, or the table never stood still (EINTR).
   */
  dump(request: Request): Message[] {
    for (let tries = 0; tries < DUMP_TRIES; tries++) {
      const messages = this.#dumpOnce(request);
      if (messages !== undefined) return messages;
    }
    throw new NetlinkError(request.operation, 4, "the table changed each time while it was read");
  }

  /**
   * The next messages of the multicast groups; undefined when none came in time. An empty list says that some were lost,
   * since they came faster than they were read: what they told about must be looked at anew.
   */
  listen(milliseconds: number): Message[] | undefined {
    setReceiveTimeout(this.#socket, milliseconds);
    try {
      return Array.from(this.#receive(), (message) => ({ ...message, body: Buffer.from(message.body) }));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EAGAIN") return undefined;
      if (code === "ENOBUFS") return [];
      throw error;
    }
  }

  #dumpOnce({ operation, type, flags = 0, write }: Request): Message[] | undefined {
    const sequence = ++this.#sequence;
    const out = new Writer();
    out.message({ type, flags: flags | RequestFlag.request | RequestFlag.dump, sequence }, () => write(out));
    this.#send(out.bytes);

    const messages: Message[] = [];
    let interrupted = false;
    for (;;) {
      for (const message of this.#receive()) {
        if (message.sequence !== sequence) continue;
        interrupted ||= (message.flags & NLM_F_DUMP_INTR) !== 0;
        if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
          const failure = readError(operation, message);
          if (failure !== undefined) throw failure;
          return interrupted ? undefined : messages;
        }
        messages.push({ ...message, body: Buffer.from(message.body) });
      }
    }
  }

  /** A message goes to the kernel whole, so the buffers must hold it, and the answers to all of it. */
  #send(bytes: Buffer): void {
    if (bytes.length > SAFE_MESSAGE) {
      setSocketOption(this.#socket, SOL_SOCKET, SO_SNDBUFFORCE, 2 * bytes.length);
      setSocketOption(this.#socket, SOL_SOCKET, SO_RCVBUFFORCE, 2 * bytes.length + DEFAULT_BUFFER);
    }
    writeSync(this.#socket.fd, bytes);
  }

  #receive(): Iterable<Message> {
    for (;;) {
      try {
        const length = readSync(this.#socket.fd, this.#buffer);
        return readMessages(this.#buffer.subarray(0, length));
      } catch (error) {
        // A socket with a timeout does not go on by itself after a signal, nor after a stop (signal(7)).
        if ((error as NodeJS.ErrnoException).code !== "EINTR") throw error;
      }
    }
  }
}

/** `struct sockaddr_nl`: the kernel chooses the port. */
function socketAddress(groups: number): Buffer {
  const address = Buffer.alloc(12);
  address.writeUInt16LE(AF_NETLINK, 0);
  address.writeUInt32LE(groups, 8);
  return address;
}
