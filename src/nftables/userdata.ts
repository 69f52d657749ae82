import type { Codec } from "../netlink/codec.ts";

/**
 * The user data of an object of nf_tables as the comment that `nft list` shows: type (a byte, 0; for sets 7), length (a
 * byte), text with its zero byte (libnftnl, include/libnftnl/udata.h). The kernel keeps at most 256 bytes.
 */
export function comment(type = 0): Codec<string> {
  return {
    encode(value, out) {
      const bytes = Buffer.from(value, "utf8").subarray(0, maxCommentLength);
      out.u8(type);
      out.u8(bytes.length + 1);
      out.raw(bytes);
      out.u8(0);
    },
    decode(bytes) {
      for (let offset = 0; offset + 2 <= bytes.length; ) {
        const length = bytes.readUInt8(offset + 1);
        const value = bytes.subarray(offset + 2, offset + 2 + length);
        if (bytes.readUInt8(offset) === type) return value.toString("utf8", 0, Math.max(0, value.length - 1));
        offset += 2 + length;
      }
      return "";
    },
  };
}

/** NFT_USERDATA_MAXLEN (256) without type, length and zero byte. */
export const maxCommentLength = 253;
