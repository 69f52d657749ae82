/** Netlink aligns messages and attributes to four bytes (NLMSG_ALIGN, NLA_ALIGN of linux/netlink.h). */
export function align(length: number): number {
  return (length + 3) & ~3;
}

const NLA_HEADER = 4;

/** Bytes in the making: grows as needed, numbers in the host's order (little-endian on every platform we run on). */
export class Writer {
  #bytes = Buffer.alloc(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What was written, as a view. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  u8(value: number): void {
    this.#length = this.#room(1).writeUInt8(value, this.#length);
  }

  u16(value: number): void {
    this.#length = this.#room(2).writeUInt16LE(value, this.#length);
  }

  u32(value: number): void {
    this.#length = this.#room(4).writeUInt32LE(value, this.#length);
  }

  i32(value: number): void {
    this.#length = this.#room(4).writeInt32LE(value, this.#length);
  }

  u64(value: bigint): void {
    this.#length = this.#room(8).writeBigUInt64LE(value, this.#length);
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length).set(bytes, this.#length);
    this.#length += bytes.length;
  }

  zeros(count: number): void {
    this.#room(count).fill(0, this.#length, this.#length + count);
    this.#length += count;
  }

  /** Writes one attribute: `struct nlattr`, what `body` writes, and padding. */
  attribute(type: number, body: () => void): void {
    const start = this.#length;
    this.zeros(NLA_HEADER);
    body();
    this.#bytes.writeUInt16LE(this.#length - start, start);
    this.#bytes.writeUInt16LE(type, start + 2);
    this.zeros(align(this.#length) - this.#length);
  }

  /** Writes one message: `struct nlmsghdr`, what `body` writes, and padding. */
  message(header: { type: number; flags: number; sequence: number }, body: () => void): void {
    const start = this.#length;
    this.u32(0);
    this.u16(header.type);
    this.u16(header.flags);
    this.u32(header.sequence);
    this.u32(0);
    body();
    this.#bytes.writeUInt32LE(this.#length - start, start);
    this.zeros(align(this.#length) - this.#length);
  }

  #room(count: number): Buffer {
    if (this.#length + count > this.#bytes.length) {
      const grown = Buffer.alloc(2 * (this.#length + count));
      this.#bytes.copy(grown);
      this.#bytes = grown;
    }
    return this.#bytes;
  }
}
