import type { Address } from "../ip/address.ts";
import { type Mac, macForAddress, macFromBytes } from "../ip/mac.ts";

/**
 * The MAC of a host's tunnel end (VTEP), which follows from its underlay address: hosts know each other's without
 * telling, and it is the same after a reboot. IPv4 addresses stand in it whole; of IPv6 ones, whose last bytes are often
 * alike, 40 bits of their FNV-1a.
 */
export function vtepMac(local: Address): Mac {
  if (local.family === 4) return macForAddress(local);
  let hash = 0xcbf29ce484222325n;
  for (const byte of local.bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  const spread = Array.from({ length: 5 }, (_, i) => Number((hash >> BigInt(8 * i)) & 0xffn));
  return macFromBytes(Uint8Array.of(0x02, ...spread));
}
