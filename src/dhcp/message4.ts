import { Address } from "../ip/address.ts";
import { type Mac, macBytes, macFromBytes } from "../ip/mac.ts";
import type { RawOptions } from "./options4.ts";

/** RFC 2132 section 9.6. */
export const MessageType = { discover: 1, offer: 2, request: 3, decline: 4, ack: 5, nak: 6, release: 7 } as const;

/** A message of DHCPv4 (RFC 2131 section 2); file and server name are left out. */
export interface Message4 {
  readonly reply: boolean;
  readonly transaction: number;
  /** Seconds since the client began to ask. */
  readonly seconds: number;
  /** Whether the server is to answer to all: the client cannot be reached by its address yet. */
  readonly broadcast: boolean;
  /** The address that the client has. */
  readonly client: Address;
  /** The address that the server gives. */
  readonly yours: Address;
  readonly mac: Mac;
  readonly options: RawOptions;
}

const nobody = new Address(4, 0n);
const ETHERNET = 1;
const MAC_LENGTH = 6;
const HEADER = 236;
const MAGIC = 0x63825363;
/** Relays and servers of BOOTP's time take no shorter one (RFC 1542 section 2.1). */
const SHORTEST = 300;
const PAD = 0;
const END = 255;
const OVERLOAD = 52;
/** Where the file and the server's name stand, which options may spill into. */
const spill = { file: [108, 236], serverName: [44, 108] } as const;

type Draft4 = Pick<Message4, "mac" | "transaction" | "options"> & Partial<Message4>;

export function encodeMessage4(message: Draft4): Buffer {
  const { mac, transaction, options, reply = false, seconds = 0, broadcast = false } = message;
  const header = Buffer.alloc(HEADER + 4);
  header.set([reply ? 2 : 1, ETHERNET, MAC_LENGTH, 0]);
  header.writeUInt32BE(transaction, 4);
  header.writeUInt16BE(Math.min(seconds, 0xffff), 8);
  header.writeUInt16BE(broadcast ? 0x8000 : 0, 10);
  header.set((message.client ?? nobody).bytes, 12);
  header.set((message.yours ?? nobody).bytes, 16);
  header.set(macBytes(mac), 28);
  header.writeUInt32BE(MAGIC, HEADER);
  const written = [...options].flatMap(([code, value]) => encodeOption(code, value));
  const encoded = Buffer.concat([header, ...written, Buffer.of(END)]);
  return Buffer.concat([encoded, Buffer.alloc(Math.max(0, SHORTEST - encoded.length))]);
}

/** @returns undefined for what is no message of DHCPv4 over Ethernet; never throws. */
export function decodeMessage4(bytes: Buffer): Message4 | undefined {
  if (bytes.length < HEADER + 4 || bytes.readUInt32BE(HEADER) !== MAGIC) return undefined;
  if (bytes[1] !== ETHERNET || bytes[2] !== MAC_LENGTH) return undefined;
  return {
    reply: bytes[0] === 2,
    transaction: bytes.readUInt32BE(4),
    seconds: bytes.readUInt16BE(8),
    broadcast: (bytes.readUInt16BE(10) & 0x8000) !== 0,
    client: Address.fromBytes(bytes.subarray(12, 16)),
    yours: Address.fromBytes(bytes.subarray(16, 20)),
    mac: macFromBytes(bytes.subarray(28, 28 + MAC_LENGTH)),
    options: readOptions(bytes),
  };
}

/** A value of more than 255 octets goes on in options of the same code (RFC 3396). */
function encodeOption(code: number, value: Uint8Array): Buffer[] {
  const parts = Array.from({ length: Math.max(1, Math.ceil(value.length / 255)) }, (_, i) =>
    value.subarray(i * 255, (i + 1) * 255),
  );
  return parts.map((part) => Buffer.from([code, part.length, ...part]));
}

function readOptions(bytes: Buffer): RawOptions {
  const options = new Map<number, Buffer>();
  collectOptions(bytes.subarray(HEADER + 4), options);
  const overload = options.get(OVERLOAD)?.[0] ?? 0;
  if ((overload & 1) !== 0) collectOptions(bytes.subarray(...spill.file), options);
  if ((overload & 2) !== 0) collectOptions(bytes.subarray(...spill.serverName), options);
  return options;
}

function collectOptions(bytes: Buffer, options: Map<number, Buffer>): void {
  for (let at = 0; at < bytes.length; ) {
    const code = bytes.readUInt8(at);
    if (code === END) return;
    if (code === PAD) {
      at += 1;
      continue;
    }
    const length = bytes[at + 1];
    if (length === undefined || at + 2 + length > bytes.length) return;
    const part = bytes.subarray(at + 2, at + 2 + length);
    options.set(code, Buffer.concat([options.get(code) ?? Buffer.alloc(0), part]));
    at += 2 + length;
  }
}
