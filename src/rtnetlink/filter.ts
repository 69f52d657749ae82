import { attributes } from "../netlink/attributes.ts";
import { type Codec, i32, text, u8, u16, u32 } from "../netlink/codec.ts";
import { unless } from "../netlink/error.ts";
import { body } from "../netlink/message.ts";
import { RequestFlag } from "../netlink/socket.ts";
import { struct } from "../netlink/struct.ts";
import { tcmsg } from "./qdisc.ts";
import { encodeRequest } from "./request.ts";
import type { RouteSocket } from "./socket.ts";

const RTM_NEWTFILTER = 44;
const RTM_DELTFILTER = 45;
const RTM_GETTFILTER = 46;

/** `struct tc_mirred` of linux/tc_act/tc_mirred.h. */
const mirred = struct({
  index: u32,
  capabilities: u32,
  action: i32,
  references: i32,
  bindings: i32,
  mode: i32,
  link: u32,
});
const TC_ACT_STOLEN = 4;
const TCA_EGRESS_REDIR = 1;

function structAttribute<S>(codec: {
  encode(value: Partial<S>, out: never): void;
  decode(bytes: Buffer): S;
}): Codec<Partial<S>> {
  return { encode: (value, out) => codec.encode(value, out as never), decode: (bytes) => codec.decode(bytes) };
}

/** One action of a filter (TCA_ACT_*), the first of its list. */
const actions = attributes({
  first: [1, attributes({ kind: [1, text], options: [2, attributes({ parameters: [2, structAttribute(mirred)] })] })],
});

/** `struct tc_u32_sel` with one `struct tc_u32_key` that every packet matches (linux/pkt_cls.h). */
const selector = struct({
  flags: u8,
  offsetShift: u8,
  keys: u8,
  _pad: u8,
  offsetMask: u16,
  offset: u16,
  keyOffset: u16,
  hashOffset: u16,
  hashMask: u32,
  mask: u32,
  value: u32,
  at: i32,
  atMask: i32,
});
const TC_U32_TERMINAL = 1;

/** TCA_U32_* of linux/pkt_cls.h. */
const u32Options = attributes({ class: [1, u32], selector: [5, structAttribute(selector)], actions: [7, actions] });

const filterBody = body(tcmsg, attributes({ kind: [1, text], options: [2, u32Options] }));

/** The place for filters of what comes in, whether its queueing discipline is `ingress` or `clsact` (TC_H_MIN_INGRESS). */
const ingressFilters = 0xfffffff2;
const ETH_P_ALL = 0x0003;

/** Priority in the upper half, protocol in network order in the lower. */
function info(priority: number): number {
  return ((priority << 16) | ((ETH_P_ALL & 0xff) << 8) | (ETH_P_ALL >> 8)) >>> 0;
}

/**
 * Leads all that comes in by a link out by another one instead.
 *
 * @throws NetlinkError EEXIST when there is a filter of that priority.
 */
export function addRedirect(socket: RouteSocket, index: number, to: number, priority: number): void {
  const parameters = { action: TC_ACT_STOLEN, mode: TCA_EGRESS_REDIR, link: to };
  const options = {
    class: 0x10001,
    selector: { flags: TC_U32_TERMINAL, keys: 1 },
    actions: { first: { kind: "mirred", options: { parameters } } },
  };
  const value = { index, parent: ingressFilters, info: info(priority), kind: "u32", options };
  const flags = RequestFlag.create | RequestFlag.exclusive;
  socket.request(encodeRequest(`redirect what comes in by link ${index}`, RTM_NEWTFILTER, filterBody, value, flags));
}

/** @returns false when there is no filter of that priority, or no such link. */
export function deleteRedirect(socket: RouteSocket, index: number, priority: number): boolean {
  const value = { index, parent: ingressFilters, info: info(priority), kind: "u32" };
  const request = encodeRequest(`remove a filter of link ${index}`, RTM_DELTFILTER, filterBody, value);
  return unless(["ENODEV", "ENOENT", "EINVAL"], () => socket.request(request)) !== undefined;
}

/** The filters of what comes in by a link, by priority; `to` is the index of the link that a redirect leads to. */
export function listFilters(socket: RouteSocket, index: number): { priority: number; to?: number }[] {
  const request = encodeRequest("list filters", RTM_GETTFILTER, filterBody, { index, parent: ingressFilters });
  const filters = unless(["ENODEV", "ENOENT", "EINVAL"], () => socket.dump(request)) ?? [];
  return filters.flatMap(({ body }) => {
    const { info, kind, options } = filterBody.decode(body);
    const to = kind === "u32" ? options?.actions?.first?.options?.parameters?.link : undefined;
    if (to !== undefined) return [{ priority: info >>> 16, to }];
    // Of u32, the list has hash tables and the like besides.
    return kind === "u32" ? [] : [{ priority: info >>> 16 }];
  });
}
