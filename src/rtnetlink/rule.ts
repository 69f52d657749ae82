import { Prefix } from "../ip/prefix.ts";
import { attributes } from "../netlink/attributes.ts";
import { address, text, u8, u32 } from "../netlink/codec.ts";
import { unless } from "../netlink/error.ts";
import { body } from "../netlink/message.ts";
import { RequestFlag } from "../netlink/socket.ts";
import { struct } from "../netlink/struct.ts";
import { addressFamily, encodeRequest } from "./request.ts";
import type { RouteSocket } from "./socket.ts";

const RTM_NEWRULE = 32;
const RTM_DELRULE = 33;
const RTM_GETRULE = 34;

/** FR_ACT_TO_TBL of linux/fib_rules.h. */
const LOOK_UP_TABLE = 1;

/** `struct fib_rule_hdr` and FRA_* of linux/fib_rules.h. */
export const ruleBody = body(
  struct({
    family: u8,
    destinationLength: u8,
    sourceLength: u8,
    tos: u8,
    _table: u8,
    _reserved1: u8,
    _reserved2: u8,
    action: u8,
    flags: u32,
  }),
  attributes({
    destination: [1, address],
    source: [2, address],
    inputLink: [3, text],
    priority: [6, u32],
    mark: [10, u32],
    table: [15, u32],
  }),
);

/** A rule of policy routing: packets from `source` look in `table`. */
export interface Rule {
  readonly source?: Prefix;
  readonly table: number;
  readonly priority?: number;
}

/** @throws NetlinkError EEXIST when there is the same rule. */
export function addRule(socket: RouteSocket, family: 4 | 6, rule: Rule): void {
  const flags = RequestFlag.create | RequestFlag.exclusive;
  socket.request(encodeRequest(`add ${label(rule)}`, RTM_NEWRULE, ruleBody, toBody(family, rule), flags));
}

/** @returns false when there is no such rule. */
export function deleteRule(socket: RouteSocket, family: 4 | 6, rule: Rule): boolean {
  const request = encodeRequest(`delete ${label(rule)}`, RTM_DELRULE, ruleBody, toBody(family, rule));
  return unless(["ENOENT"], () => socket.request(request)) !== undefined;
}

export function listRules(socket: RouteSocket, family: 4 | 6): Rule[] {
  const messages = socket.dump(encodeRequest("list rules", RTM_GETRULE, ruleBody, { family: addressFamily(family) }));
  return messages.map((message) => {
    const { source, sourceLength, table = 0, priority } = ruleBody.decode(message.body);
    return {
      table,
      ...(source && { source: new Prefix(source, sourceLength) }),
      ...(priority !== undefined && { priority }),
    };
  });
}

function toBody(family: 4 | 6, { source, ...rule }: Rule) {
  return {
    family: addressFamily(family),
    action: LOOK_UP_TABLE,
    ...(source && { source: source.address, sourceLength: source.length }),
    ...rule,
  };
}

function label({ source, table }: Rule): string {
  return `rule from ${source ?? "all"} to table ${table}`;
}
