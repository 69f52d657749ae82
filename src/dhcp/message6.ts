import { Address } from "../ip/address.ts";
import { domainList } from "./domainfield.ts";

/** RFC 8415 section 7.3. */
export const MessageType6 = {
  solicit: 1,
  advertise: 2,
  request: 3,
  renew: 5,
  rebind: 6,
  reply: 7,
  release: 8,
} as const;

/** RFC 8415 section 21, RFC 3646, RFC 4704. */
export const Option6 = {
  clientIdentifier: 1,
  serverIdentifier: 2,
  /** IA_NA: an association of addresses. */
  association: 3,
  address: 5,
  requested: 6,
  elapsed: 8,
  status: 13,
  nameServers: 23,
  domainSearch: 24,
  clientName: 39,
} as const;

/** RFC 8415 section 21.13. */
export const Status6 = { success: 0, noAddresses: 2, noBinding: 3, notOnLink: 4 } as const;

export interface Message6 {
  readonly type: number;
  /** Of 24 bits. */
  readonly transaction: number;
  readonly options: Options6;
}

export type Options6 = readonly (readonly [code: number, value: Buffer])[];

/** An association as a server tells it; times in seconds, 2³²−1: for ever. */
export interface Association {
  readonly iaid: number;
  /** T1 and T2; 0: the client's choice. */
  readonly renew: number;
  readonly rebind: number;
  readonly addresses: readonly GivenAddress[];
  readonly status: Status;
}

interface GivenAddress {
  readonly address: Address;
  readonly preferred: number;
  readonly valid: number;
}

export interface Status {
  readonly code: number;
  readonly text: string;
}

export function encodeMessage6({ type, transaction, options }: Message6): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(transaction & 0xffffff);
  header.writeUInt8(type, 0);
  return Buffer.concat([header, encodeOptions6(options)]);
}

/** @returns undefined for what is no message; never throws. */
export function decodeMessage6(bytes: Buffer): Message6 | undefined {
  if (bytes.length < 4) return undefined;
  return { type: bytes.readUInt8(0), transaction: bytes.readUIntBE(1, 3), options: decodeOptions6(bytes.subarray(4)) };
}

export function findOption({ options }: Pick<Message6, "options">, code: number): Buffer | undefined {
  return options.find(([found]) => found === code)?.[1];
}

/** The association with that number; undefined when the server tells of none. */
export function readAssociation(message: Message6, iaid: number): Association | undefined {
  for (const [code, value] of message.options) {
    if (code !== Option6.association || value.length < 12 || value.readUInt32BE(0) !== iaid) continue;
    const options = decodeOptions6(value.subarray(12));
    const addresses = options.filter(([code, { length }]) => code === Option6.address && length >= 24);
    return {
      iaid,
      renew: value.readUInt32BE(4),
      rebind: value.readUInt32BE(8),
      addresses: addresses.map(([, value]) => readAddress(value)),
      status: readStatus({ options }),
    };
  }
  return undefined;
}

/** A status that is not told is success. */
export function readStatus(message: Pick<Message6, "options">): Status {
  const value = findOption(message, Option6.status);
  if (value === undefined || value.length < 2) return { code: Status6.success, text: "" };
  return { code: value.readUInt16BE(0), text: value.toString("utf8", 2).replace(/[^\x20-\x7e]/g, "") };
}

export function encodeAssociation(iaid: number, address?: Address): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt32BE(iaid);
  // Lifetimes of 0: the server's choice.
  const value = address && Buffer.concat([address.bytes, Buffer.alloc(8)]);
  return Buffer.concat([header, encodeOptions6(value ? [[Option6.address, value]] : [])]);
}

/** RFC 4704 section 4: the server is asked to leave DNS alone, and to be told a name without a domain. */
export function encodeClientName(name: string): Buffer {
  const label = domainList.encode([name]);
  const isWhole = name.includes(".");
  return Buffer.concat([Buffer.of(0), isWhole ? label : label.subarray(0, -1)]);
}

function encodeOptions6(options: Options6): Buffer {
  return Buffer.concat(
    options.flatMap(([code, value]) => {
      const header = Buffer.alloc(4);
      header.writeUInt16BE(code, 0);
      header.writeUInt16BE(value.length, 2);
      return [header, value];
    }),
  );
}

/** What is cut short ends the list. */
function decodeOptions6(bytes: Buffer): Options6 {
  const options: [number, Buffer][] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt16BE(at + 2);
    if (end > bytes.length) break;
    options.push([bytes.readUInt16BE(at), bytes.subarray(at + 4, end)]);
    at = end;
  }
  return options;
}

function readAddress(value: Buffer): GivenAddress {
  return {
    address: Address.fromBytes(value.subarray(0, 16)),
    preferred: value.readUInt32BE(16),
    valid: value.readUInt32BE(20),
  };
}
