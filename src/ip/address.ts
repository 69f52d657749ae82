export type Family = 4 | 6;

/** Bits in an address of each family. */
export const addressBits: Record<Family, number> = { 4: 32, 6: 128 };

/**
 * An IPv4 or IPv6 address as an unsigned integer of 32 or 128 bits.
 *
 * An IPv4-mapped IPv6 address (`::ffff:a.b.c.d`) is the IPv4 address, as it is to every CNI plugin written in Go
 * (net.IP.To4).
 */
export class Address {
  readonly family: Family;
  readonly value: bigint;

  constructor(family: Family, value: bigint) {
    if (value < 0n || value >> BigInt(addressBits[family]) !== 0n) {
      throw new RangeError(`No IPv${family} address has the value ${value}`);
    }
    this.family = family;
    this.value = value;
  }

  /** @throws SyntaxError when `text` is not an address; zones and leading zeros are refused. */
  static parse(text: string): Address {
    const address = text.includes(":") ? parseIPv6(text) : parseIPv4(text);
    if (address === undefined) throw new SyntaxError(`Cannot read ${JSON.stringify(text)}: not an IP address`);
    return address;
  }

  /** @param bytes 4 or 16 bytes in network order. */
  static fromBytes(bytes: Uint8Array): Address {
    if (bytes.length !== 4 && bytes.length !== 16) {
      throw new RangeError(`Cannot read an address of ${bytes.length} bytes: 4 or 16 are allowed`);
    }
    let value = 0n;
    for (const byte of bytes) value = (value << 8n) | BigInt(byte);
    return bytes.length === 4 ? new Address(4, value) : fromIPv6(value);
  }

  /** The address in network order: 4 or 16 bytes. */
  get bytes(): Uint8Array {
    const bytes = new Uint8Array(addressBits[this.family] / 8);
    let rest = this.value;
    for (let i = bytes.length - 1; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
    return bytes;
  }

  get isMulticast(): boolean {
    return this.family === 4 ? this.value >> 28n === 0xen : this.value >> 120n === 0xffn;
  }

  get isUnspecified(): boolean {
    return this.value === 0n;
  }

  get isLoopback(): boolean {
    return this.family === 4 ? this.value >> 24n === 127n : this.value === 1n;
  }

  /** `fe80::/10`, or `169.254.0.0/16`. */
  get isLinkLocal(): boolean {
    return this.family === 4 ? this.value >> 16n === 0xa9fen : this.value >> 118n === 0x3fan;
  }

  equals(other: Address): boolean {
    return this.family === other.family && this.value === other.value;
  }

  /** @throws RangeError past the end of the family's addresses. */
  plus(offset: bigint): Address {
    return new Address(this.family, this.value + offset);
  }

  /** Canonical text: RFC 5952 for IPv6. */
  toString(): string {
    return this.family === 4 ? formatIPv4(this.value) : formatIPv6(this.value);
  }

  toJSON(): string {
    return this.toString();
  }
}

const ipv4Pattern = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/;

function parseIPv4(text: string): Address | undefined {
  const match = ipv4Pattern.exec(text);
  if (match === null) return undefined;
  let value = 0n;
  for (const octet of match.slice(1)) {
    if (Number(octet) > 255) return undefined;
    value = (value << 8n) | BigInt(octet);
  }
  return new Address(4, value);
}

function parseIPv6(text: string): Address | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "", halves.length === 1);
  const tail = parseGroups(halves[1] ?? "", true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  // "::" stands for at least one group of zeros (RFC 4291 section 2.2).
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array<bigint>(missing).fill(0n), ...tail];
  return fromIPv6(groups.reduce((value, group) => (value << 16n) | group, 0n));
}

/** The 16-bit groups of one side of `::`; a dotted quad may stand for the last two where `atEnd`. */
function parseGroups(text: string, atEnd: boolean): bigint[] | undefined {
  if (text === "") return [];
  const words = text.split(":");
  const groups: bigint[] = [];
  for (const [i, word] of words.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(word)) {
      groups.push(BigInt(`0x${word}`));
      continue;
    }
    const quad = atEnd && i === words.length - 1 ? parseIPv4(word) : undefined;
    if (quad === undefined) return undefined;
    groups.push(quad.value >> 16n, quad.value & 0xffffn);
  }
  return groups;
}

function fromIPv6(value: bigint): Address {
  return value >> 32n === 0xffffn ? new Address(4, value & 0xffffffffn) : new Address(6, value);
}

function formatIPv4(value: bigint): string {
  const bits = Number(value);
  return `${bits >>> 24}.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}.${bits & 255}`;
}

function formatIPv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  const zeros = longestZeroRun(groups);
  const hex = (part: number[]) => part.map((group) => group.toString(16)).join(":");
  if (zeros.length < 2) return hex(groups);
  return `${hex(groups.slice(0, zeros.start))}::${hex(groups.slice(zeros.start + zeros.length))}`;
}

/** RFC 5952 section 4.2: the longest run of zero groups is shortened, the first of equals. */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let length = 0;
  for (const [i, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0;
    if (length > best.length) best = { start: i - length + 1, length };
  }
  return best;
}
