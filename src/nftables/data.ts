import { type AttributesOf, attributes, nested } from "../netlink/attributes.ts";
import { binary, type Codec, text } from "../netlink/codec.ts";

/** A number that is negative for verdicts of nf_tables itself. */
const beI32: Codec<number> = {
  encode: (value, out) => out.raw(Uint8Array.of(value >> 24, value >> 16, value >> 8, value)),
  decode: (bytes) => bytes.readInt32BE(),
};

const verdictAttributes = { code: [1, beI32], chain: [2, text] } as const;

/** What a rule or an element says of a packet; `chain` goes with jump and goto. */
export type Verdict = AttributesOf<typeof verdictAttributes>;

const dataAttributes = { value: [1, binary], verdict: [nested(2), attributes(verdictAttributes)] } as const;

/** The content of a register: bytes, or a verdict. */
export type Data = AttributesOf<typeof dataAttributes>;

export const data: Codec<Data> = attributes(dataAttributes);

/** NF_DROP and NF_ACCEPT of linux/netfilter.h, NFT_* of enum nft_verdicts. */
const Code = { drop: 0, accept: 1, continue: -1, jump: -3, goto: -4, return: -5 } as const;

export const drop: Verdict = { code: Code.drop };
export const accept: Verdict = { code: Code.accept };
export const leave: Verdict = { code: Code.return };

export function jump(chain: string): Verdict {
  return { code: Code.jump, chain };
}

export function goto(chain: string): Verdict {
  return { code: Code.goto, chain };
}
