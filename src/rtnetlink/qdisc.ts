import { readFileSync } from "node:fs";
import { attributes } from "../netlink/attributes.ts";
import { type Codec, i32, text, u8, u16, u32, u64 } from "../netlink/codec.ts";
import { unless } from "../netlink/error.ts";
import { body } from "../netlink/message.ts";
import { RequestFlag } from "../netlink/socket.ts";
import { struct } from "../netlink/struct.ts";
import type { Writer } from "../netlink/writer.ts";
import { encodeRequest } from "./request.ts";
import type { RouteSocket } from "./socket.ts";

const RTM_NEWQDISC = 36;
const RTM_DELQDISC = 37;
const RTM_GETQDISC = 38;

/** `struct tcmsg` of linux/rtnetlink.h. */
export const tcmsg = struct({ family: u8, _pad1: u8, _pad2: u16, index: i32, handle: u32, parent: u32, info: u32 });

/** Places of a link where a queueing discipline can be (linux/pkt_sched.h). */
export const QdiscParent = { root: 0xffffffff, ingress: 0xfffffff1 } as const;

/** The handle that the kernel demands of what is at {@link QdiscParent.ingress}. */
const ingressHandle = 0xffff0000;

/** `struct tc_ratespec`: rates in bytes per second. */
const rateSpec = struct({ cellLog: u8, linkLayer: u8, overhead: u16, cellAlign: u16, mpu: u16, rate: u32 });
const LINKLAYER_ETHERNET = 1;

/** `struct tc_tbf_qopt`: two rates, then sizes in bytes and, for the bucket, in ticks. */
const tbfSizes = struct({ limit: u32, buffer: u32, mtu: u32 });

interface TbfParameters {
  readonly rate: number;
  readonly limit: number;
  readonly buffer: number;
}

const tbfParameters: Codec<TbfParameters> = {
  encode({ rate, limit, buffer }, out: Writer) {
    rateSpec.encode({ linkLayer: LINKLAYER_ETHERNET, rate }, out);
    rateSpec.encode({}, out);
    tbfSizes.encode({ limit, buffer }, out);
  },
  decode(bytes) {
    const { rate } = rateSpec.decode(bytes);
    const { limit, buffer } = tbfSizes.decode(bytes.subarray(2 * rateSpec.size));
    return { rate, limit, buffer };
  },
};

/** TCA_TBF_* of linux/pkt_sched.h. */
const tbfOptions = attributes({ parameters: [1, tbfParameters], rate64: [4, u64], burst: [6, u32] });

const qdiscBody = body(tcmsg, attributes({ kind: [1, text], options: [2, tbfOptions] }));

/** A queueing discipline of a link; `tbf` where it is a token bucket. */
export interface Qdisc {
  readonly kind: string;
  readonly handle: number;
  readonly tbf?: TokenBucket;
}

/** A token bucket filter (tc-tbf(8)). */
export interface TokenBucket {
  /** In bytes per second. */
  readonly rate: number;
  /** How many bytes may be sent at once. */
  readonly burst: number;
  /** How many bytes may wait. */
  readonly limit: number;
}

/** @throws NetlinkError EEXIST when the link has a queueing discipline of its own there. */
export function addTokenBucket(socket: RouteSocket, index: number, handle: number, bucket: TokenBucket): void {
  const options = encodeBucket(bucket);
  const value = { index, parent: QdiscParent.root, handle, kind: "tbf", options };
  const flags = RequestFlag.create | RequestFlag.exclusive;
  socket.request(encodeRequest(`limit the rate of link ${index}`, RTM_NEWQDISC, qdiscBody, value, flags));
}

/** Gives a link a place for filters of what comes in. @throws NetlinkError EEXIST when it has one. */
export function addIngress(socket: RouteSocket, index: number): void {
  const value = { index, parent: QdiscParent.ingress, handle: ingressHandle, kind: "ingress" };
  const flags = RequestFlag.create | RequestFlag.exclusive;
  socket.request(encodeRequest(`filter what comes in by link ${index}`, RTM_NEWQDISC, qdiscBody, value, flags));
}

/** @returns false when the link, or a queueing discipline there, does not exist. */
export function deleteQdisc(socket: RouteSocket, index: number, parent: number): boolean {
  const request = encodeRequest(`remove a queueing discipline of link ${index}`, RTM_DELQDISC, qdiscBody, {
    index,
    parent,
  });
  // The kernel says EINVAL or ENOENT of a link that has none but its default.
  return unless(["ENODEV", "ENOENT", "EINVAL"], () => socket.request(request)) !== undefined;
}

/**
 * The queueing discipline at a place of a link; undefined when there is none but the kernel's default, or no link.
 *
 * Asked for alone: a list is of all links of the node, and the kernel counts through them from one part of it to the
 * next, so that it misses some while others come and go, and says nothing of it (tc_dump_qdisc in net/sched/sch_api.c).
 */
export function getQdisc(socket: RouteSocket, index: number, parent: number): Qdisc | undefined {
  const value = { index, parent };
  // Until 6.4 the kernel tells those who listen to changes, and the one who asks only if it wants an echo.
  const request = encodeRequest("look at a queueing discipline", RTM_GETQDISC, tcBody, value, RequestFlag.echo);
  const [answer] = unless(["ENODEV", "ENOENT", "EINVAL"], () => socket.request(request)) ?? [];
  if (answer === undefined) return undefined;
  const { kind = "", handle, options } = tcBody.decode(answer.body);
  return { kind, handle, ...(kind === "tbf" && options && { tbf: decodeBucket(tbfOptions.decode(options)) }) };
}

/** What stands in `options` depends on the kind. */
const raw: Codec<Buffer> = { encode: (value, out) => out.raw(value), decode: (bytes) => Buffer.from(bytes) };
const tcBody = body(tcmsg, attributes({ kind: [1, text], options: [2, raw] }));

const maxU32 = 0xffffffff;

function encodeBucket({ rate, burst, limit }: TokenBucket) {
  // Told back without what does not fit into 32 bits, though the kernel keeps all of it (tbf_dump in net/sched/sch_tbf.c).
  const buffer = Math.round((burst * 1e6 * ticksPerMicrosecond()) / rate) % 2 ** 32;
  return {
    parameters: { rate: Math.min(maxU32, rate), limit: Math.min(maxU32, limit), buffer },
    ...(rate > maxU32 && { rate64: BigInt(rate) }),
    burst: Math.min(maxU32, burst),
  };
}

function decodeBucket({ parameters, rate64 }: ReturnType<typeof tbfOptions.decode>): TokenBucket {
  const { rate: rate32 = 0, limit = 0, buffer = 0 } = parameters ?? {};
  const rate = rate64 === undefined ? rate32 : Number(rate64);
  return { rate, limit, burst: Math.round((buffer * rate) / (1e6 * ticksPerMicrosecond())) };
}

/** A bucket as the kernel tells it after it was set: sizes have 32 bits, and a burst is kept as the time that it takes. */
export function settledBucket(bucket: TokenBucket): TokenBucket {
  return decodeBucket(encodeBucket(bucket));
}

/** The kernel's unit of time for packets: the first two numbers of /proc/net/psched, in hex (net/sched/sch_api.c). */
function ticksPerMicrosecond(): number {
  const [ticksToUs = "3e8", usToTicks = "40", clock = "f4240"] = readFileSync("/proc/net/psched", "utf8").split(" ");
  const [perTick, perUs, resolution] = [ticksToUs, usToTicks, clock].map((text) => Number.parseInt(text, 16));
  return ((perTick ?? 1000) / (perUs ?? 64)) * ((resolution ?? 1e6) / 1e6);
}
