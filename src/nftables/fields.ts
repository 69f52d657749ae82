import type { Expression } from "./expressions.ts";
import { type DataTypeName, paddedSize } from "./types.ts";

/** Something of a packet or of its connection that can be loaded into a register. */
export interface Field {
  readonly type: DataTypeName;
  readonly load: (register: number) => Expression;
}

/** Where a field stands: enum nft_payload_bases. */
const Base = { link: 0, network: 1, transport: 2 } as const;

function payload(type: DataTypeName, base: number, offset: number, len: number): Field {
  return { type, load: (dreg) => ({ name: "payload", dreg, base, offset, len }) };
}

function meta(type: DataTypeName, key: number): Field {
  return { type, load: (dreg) => ({ name: "meta", key, dreg }) };
}

/** NFT_META_* of linux/netfilter/nf_tables.h. */
export const mark = meta("mark", 3);
export const iifname = meta("ifname", 6);
export const oifname = meta("ifname", 7);
export const nfproto = meta("nf_proto", 15);
export const l4proto = meta("inet_proto", 16);

export const etherSource = payload("ether_addr", Base.link, 6, 6);
/** Source and destination address of each family: the offsets of the IP headers (RFC 791, RFC 8200). */
export const source = {
  4: payload("ipv4_addr", Base.network, 12, 4),
  6: payload("ipv6_addr", Base.network, 8, 16),
} as const;
export const destination = {
  4: payload("ipv4_addr", Base.network, 16, 4),
  6: payload("ipv6_addr", Base.network, 24, 16),
} as const;
/** Ports stand at the same place in tcp, udp and sctp. */
export const sourcePort = payload("inet_service", Base.transport, 0, 2);
export const destinationPort = payload("inet_service", Base.transport, 2, 2);

/** The port that the first packet of the connection was sent to, before any translation (NFT_CT_PROTO_DST). */
export const originalDestinationPort: Field = {
  type: "inet_service",
  load: (dreg) => ({ name: "ct", key: 12, dreg, direction: 0 }),
};

const NFT_REG_1 = 1;
const NFT_REG32_00 = 8;

/** The register that starts `bytes` after the first: the first by its old number of 16 bytes, as nft writes it. */
function registerAt(bytes: number): number {
  return bytes % 16 === 0 ? NFT_REG_1 + bytes / 16 : NFT_REG32_00 + bytes / 4;
}

/** Loads fields one after another, each padded to four bytes, as the key of a set has them. */
export function loadAll(fields: readonly Field[]): Expression[] {
  let offset = 0;
  return fields.map((field) => {
    const expression = field.load(registerAt(offset));
    offset += paddedSize(field.type);
    return expression;
  });
}
