import { Address } from "../ip/address.ts";
import { Prefix } from "../ip/prefix.ts";

/**
 * The value of an option. `decode` gives undefined for bytes that are no such value: a server's odd option is left out, and
 * its others count.
 */
export interface Field<T> {
  readonly encode: (value: T) => Uint8Array;
  readonly decode: (bytes: Buffer) => T | undefined;
}

export const u8: Field<number> = integer(1);
export const u16: Field<number> = integer(2);
export const u32: Field<number> = integer(4);

/** Octets as they are. */
export const octets: Field<Uint8Array> = { encode: (value) => value, decode: (bytes) => bytes };

/** Text; some servers end it with NUL. What is no text is left out, since it ends up in files and on terminals. */
export const text: Field<string> = {
  encode: (value) => Buffer.from(value),
  decode(bytes) {
    const value = bytes.toString("utf8").replace(/\0+$/, "");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    return value === "" || /[\x00-\x1f\x7f\ufffd]/.test(value) ? undefined : value;
  },
};

export const address4: Field<Address> = {
  encode: (value) => value.bytes,
  decode: (bytes) => (bytes.length === 4 ? Address.fromBytes(bytes) : undefined),
};
export const addresses4 = listOf(
  4,
  (bytes) => Address.fromBytes(bytes),
  (address) => address.bytes,
);
export const addresses6 = listOf(
  16,
  (bytes) => Address.fromBytes(bytes),
  (address) => address.bytes,
);

export interface DhcpRoute {
  readonly destination: Prefix;
  /** 0.0.0.0: the destination is on the link (RFC 3442). */
  readonly router: Address;
}

/** Destination and router of option 33 (RFC 2132 section 5.8): the destination's class tells the length of its prefix. */
export const classfulRoutes: Field<readonly DhcpRoute[]> = listOf(
  8,
  (bytes) => ({
    destination: classOf(Address.fromBytes(bytes.subarray(0, 4))),
    router: Address.fromBytes(bytes.subarray(4)),
  }),
  ({ destination, router }) => Buffer.from([...destination.address.bytes, ...router.bytes]),
);

/** Option 121 (RFC 3442): the prefix's length, as many octets as count, the router. */
export const classlessRoutes: Field<readonly DhcpRoute[]> = {
  encode: (routes) =>
    Buffer.concat(
      routes.map(({ destination, router }) => {
        const significant = destination.first.bytes.subarray(0, Math.ceil(destination.length / 8));
        return Buffer.from([destination.length, ...significant, ...router.bytes]);
      }),
    ),
  decode(bytes) {
    const routes: DhcpRoute[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = bytes.readUInt8(at);
      const significant = Math.ceil(length / 8);
      const end = at + 1 + significant + 4;
      if (length > 32 || end > bytes.length) return undefined;
      const destination = Buffer.alloc(4);
      bytes.copy(destination, 0, at + 1, at + 1 + significant);
      const router = Address.fromBytes(bytes.subarray(end - 4, end));
      routes.push({ destination: new Prefix(Address.fromBytes(destination), length).network, router });
      at = end;
    }
    return routes.length > 0 ? routes : undefined;
  },
};

/** Names of a domain that a resolver's configuration can hold. */
const domainName = /^(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/i;

/** The domain of option 15; some servers put several there, with blanks between. */
export const domainText: Field<readonly string[]> = {
  encode: (names) => Buffer.from(names.join(" ")),
  decode: (bytes) =>
    usable(
      (text.decode(bytes) ?? "")
        .trim()
        .split(/ +/)
        .map((name) => name.replace(/\.$/, "")),
    ),
};

/** Names in the form of RFC 1035 section 3.1, compressed or not (options 119 and, of DHCPv6, 24). */
export const domainList: Field<readonly string[]> = {
  encode: (names) =>
    Buffer.concat(
      names.flatMap((name) => [
        ...name.split(".").map((label) => Buffer.from([Buffer.byteLength(label), ...Buffer.from(label)])),
        Buffer.of(0),
      ]),
    ),
  decode(bytes) {
    const names: string[] = [];
    for (let at = 0; at < bytes.length; ) {
      const found = readName(bytes, at);
      if (found === undefined) return undefined;
      names.push(found.name);
      at = found.end;
    }
    return usable(names);
  },
};

/** A name is at most 255 octets long, so as many labels and pointers are more than any name has. */
const MOST_LABELS = 128;

function readName(bytes: Buffer, start: number): { name: string; end: number } | undefined {
  const labels: string[] = [];
  let end: number | undefined;
  let at = start;
  for (let steps = 0; steps < MOST_LABELS; steps++) {
    const length = bytes[at];
    if (length === undefined) return undefined;
    if (length === 0) return { name: labels.join("."), end: end ?? at + 1 };
    if (length >= 0xc0) {
      const low = bytes[at + 1];
      if (low === undefined) return undefined;
      end ??= at + 2;
      at = ((length & 0x3f) << 8) | low;
    } else {
      if (length > 63 || at + 1 + length > bytes.length) return undefined;
      labels.push(bytes.toString("latin1", at + 1, at + 1 + length));
      at += 1 + length;
    }
  }
  return undefined;
}

function usable(names: readonly string[]): readonly string[] | undefined {
  const good = names.filter((name) => domainName.test(name));
  return good.length > 0 ? good : undefined;
}

function classOf(address: Address): Prefix {
  const first = address.bytes[0] ?? 0;
  if (address.isUnspecified) return Prefix.all(4);
  return new Prefix(address, first < 128 ? 8 : first < 192 ? 16 : 24).network;
}

function integer(size: 1 | 2 | 4): Field<number> {
  return {
    encode(value) {
      const bytes = Buffer.alloc(size);
      bytes.writeUIntBE(value, 0, size);
      return bytes;
    },
    decode: (bytes) => (bytes.length === size ? bytes.readUIntBE(0, size) : undefined),
  };
}

/** Values of a fixed size, at least one. */
function listOf<T>(size: number, read: (bytes: Buffer) => T, write: (value: T) => Uint8Array): Field<readonly T[]> {
  return {
    encode: (values) => Buffer.concat(values.map(write)),
    decode(bytes) {
      if (bytes.length === 0 || bytes.length % size !== 0) return undefined;
      return Array.from({ length: bytes.length / size }, (_, i) => read(bytes.subarray(i * size, (i + 1) * size)));
    },
  };
}
