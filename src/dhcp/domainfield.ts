import { type Field, text } from "./field.ts";

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
