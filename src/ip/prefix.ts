import { Address, addressBits, type Family } from "./address.ts";

/** An address with the length of its network's prefix, written `10.1.0.7/16`: host bits are kept. */
export class Prefix {
  readonly address: Address;
  readonly length: number;

  constructor(address: Address, length: number) {
    if (!Number.isInteger(length) || length < 0 || length > addressBits[address.family]) {
      throw new RangeError(`No IPv${address.family} prefix has the length ${length}`);
    }
    this.address = address;
    this.length = length;
  }

  /** @throws SyntaxError when `text` is not `address/length` (CIDR notation). */
  static parse(text: string): Prefix {
    const match = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text);
    const [, address = "", length = ""] = match ?? [];
    try {
      const parsed = Address.parse(address);
      // Go counts the length of an IPv4-mapped IPv6 prefix from the start of the 128 bits.
      const mapped = parsed.family === 4 && address.includes(":");
      return new Prefix(parsed, Number(length) - (mapped ? 96 : 0));
    } catch {
      throw new SyntaxError(`Cannot read ${JSON.stringify(text)}: not an address with a prefix length, as 10.1.0.0/16`);
    }
  }

  /** The prefix that holds this one address: /32 or /128. */
  static host(address: Address): Prefix {
    return new Prefix(address, addressBits[address.family]);
  }

  /** Every address of the family: 0.0.0.0/0 or ::/0. */
  static all(family: Family): Prefix {
    return new Prefix(new Address(family, 0n), 0);
  }

  get family(): Family {
    return this.address.family;
  }

  /** The prefix without host bits. */
  get network(): Prefix {
    return new Prefix(this.first, this.length);
  }

  /** The network address. */
  get first(): Address {
    return new Address(this.family, (this.address.value >> this.#hostBits) << this.#hostBits);
  }

  /** The address with all host bits set: in IPv4 the broadcast address. */
  get last(): Address {
    return this.first.plus((1n << this.#hostBits) - 1n);
  }

  get isDefault(): boolean {
    return this.length === 0;
  }

  contains(address: Address): boolean {
    return address.family === this.family && address.value >> this.#hostBits === this.address.value >> this.#hostBits;
  }

  overlaps(other: Prefix): boolean {
    return this.length <= other.length ? this.contains(other.address) : other.contains(this.address);
  }

  equals(other: Prefix): boolean {
    return this.length === other.length && this.address.equals(other.address);
  }

  get #hostBits(): bigint {
    return BigInt(addressBits[this.family] - this.length);
  }

  toString(): string {
    return `${this.address}/${this.length}`;
  }

  toJSON(): string {
    return this.toString();
  }
}
