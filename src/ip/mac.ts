import type { Address } from "./address.ts";

/** A hardware address in canonical text: lower-case hex pairs with colons. */
export type Mac = string;

/**
 * Reads `aa:bb:cc:dd:ee:ff`, `aa-bb-…` and `aabb.ccdd.eeff`, of 6, 8 or 20 bytes (what Go's net.ParseMAC reads).
 *
 * @throws SyntaxError when `text` is none of these.
 */
export function parseMac(text: string): Mac {
  const pairs = /^[0-9a-f]{2}(([:-])[0-9a-f]{2})(\2[0-9a-f]{2})*$/i.test(text);
  const quads = /^[0-9a-f]{4}(\.[0-9a-f]{4})+$/i.test(text);
  const digits = text.replace(/[:.-]/g, "").toLowerCase();
  if (!(pairs || quads) || ![12, 16, 40].includes(digits.length)) {
    throw new SyntaxError(`Cannot read ${JSON.stringify(text)}: not a hardware address, as 02:42:0a:01:00:02`);
  }
  return formatPairs(digits);
}

export function macBytes(mac: Mac): Uint8Array {
  return Uint8Array.from(mac.split(":"), (pair) => Number.parseInt(pair, 16));
}

export function macFromBytes(bytes: Uint8Array): Mac {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/**
 * A locally administered unicast MAC that is always the same for one address, so that a reused address keeps its MAC
 * and no neighbour holds a stale entry. Docker's `02:42:<IPv4 address>`; for IPv6 the last four bytes.
 */
export function macForAddress(address: Address): Mac {
  return macFromBytes(Uint8Array.of(0x02, 0x42, ...address.bytes.slice(-4)));
}

function formatPairs(digits: string): Mac {
  return (digits.match(/../g) ?? []).join(":");
}
