import type { Mac } from "../ip/mac.ts";

/** What came from a server. */
interface Received {
  readonly payload: Buffer;
  /** Where the frame came from: the server, or what stands between. */
  readonly mac?: Mac | undefined;
}

/** The way to the servers of a link. */
export interface Channel {
  send(payload: Buffer): void;
  /**
   * The next datagram.
   *
   * @param until milliseconds since 1970.
   * @returns undefined when that time has come.
   */
  receive(until: number): Promise<Received | undefined>;
}

/** What an exchange takes from the machine. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** From 0 up to 1. */
  random(): number;
}

/** How patient a client is, in milliseconds. */
export interface Patience {
  /** How long a server may take for its answer to a request before all begins anew. */
  readonly answer: number;
  /** The longest time between two messages. */
  readonly resend: number;
  /** How long no server may give an address before the client gives up. */
  readonly total: number;
}

/** A server's last word: what a lease is made of. */
export interface Grant {
  /** The message as it came. */
  readonly message: Buffer;
  /** When it was asked for, in milliseconds since 1970. */
  readonly at: number;
  /** Where the message came from, where that is known. */
  readonly mac?: Mac | undefined;
}

/** No server gave an address. */
export class NoLeaseError extends Error {
  override readonly name = "NoLeaseError";
}
