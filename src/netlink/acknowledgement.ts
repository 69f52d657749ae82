import { attributes } from "./attributes.ts";
import { text, u32 } from "./codec.ts";
import { NetlinkError } from "./error.ts";
import type { Message } from "./message.ts";
import { align } from "./writer.ts";

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
/** Length of `struct nlmsghdr`. */
const NLMSG_HEADER = 16;

const extendedAck = attributes({ explanation: [1, text], offset: [2, u32] });

/**
 * `struct nlmsgerr` with its extended acknowledgement; NLMSG_DONE begins with an error number as well.
 *
 * @returns undefined when the number is 0: an acknowledgement.
 */
export function readError(operation: string, { type, flags, body }: Message): NetlinkError | undefined {
  const errno = body.length >= 4 ? -body.readInt32LE() : 0;
  if (errno === 0) return undefined;
  let textAt = 4;
  if (type === NLMSG_ERROR) {
    // After the error number stands the request: its header alone where NETLINK_CAP_ACK was honoured.
    textAt += flags & NLM_F_CAPPED ? NLMSG_HEADER : align(body.readUInt32LE(4));
  }
  const { explanation } = flags & NLM_F_ACK_TLVS ? extendedAck.decode(body.subarray(textAt)) : {};
  return new NetlinkError(operation, errno, explanation);
}
