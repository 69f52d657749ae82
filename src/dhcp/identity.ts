/** How a client makes itself known to DHCP servers. */
export interface Identity {
  /** Option 61 (RFC 2132 section 9.14). */
  readonly clientIdentifier: Uint8Array;
  /** A DUID-UUID (RFC 6355): the client of DHCPv6. */
  readonly duid: Uint8Array;
  /** The interface among those of the client. */
  readonly iaid: number;
}

/** Longer ones than this are known to be refused by servers. */
const LONGEST = 63;
const DUID_UUID = 4;

/**
 * An identity that follows from a text: who has the same text has the same identity, and so gets the same address again.
 *
 * @param who the client, as `containerID/network` or `namespace/pod/network`.
 */
export function identityOf(who: string, ifname: string): Identity {
  const name = `${who}/${ifname}`;
  const bytes = Buffer.from(name);
  const short =
    bytes.length <= LONGEST
      ? bytes
      : Buffer.concat([bytes.subarray(0, LONGEST - 33), Buffer.from(`-${hash(bytes).toString("hex")}`)]);
  return {
    // Type 0: not a hardware address.
    clientIdentifier: Buffer.concat([Buffer.of(0), short]),
    duid: Buffer.concat([Buffer.of(0, DUID_UUID), hash(Buffer.from(who))]),
    iaid: hash(Buffer.from(ifname)).readUInt32BE(12),
  };
}

/** FNV-1a of 128 bits: well spread, and loads nothing. */
function hash(bytes: Uint8Array): Buffer {
  let value = 0x6c62272e07bb014262b821756295c58dn;
  for (const byte of bytes) value = BigInt.asUintN(128, (value ^ BigInt(byte)) * 0x1000000000000000000013bn);
  return Buffer.from(value.toString(16).padStart(32, "0"), "hex");
}
