import { lockContainer } from "../../src/attach/containerlock.ts";
import { ownerOf } from "../../src/attach/owner.ts";
import { findRecordedSandbox, type Record, readRecord, removeRecord } from "../../src/attach/record.ts";
import { findSandbox, type NetworkStack } from "../../src/attach/stack.ts";
import type { Attachment } from "../../src/cni/plugin.ts";
import type { Address, Family } from "../../src/ip/address.ts";
import { Prefix } from "../../src/ip/prefix.ts";
import { listAddresses } from "../../src/rtnetlink/address.ts";
import { getLink } from "../../src/rtnetlink/link.ts";
import type { RouteEntry } from "../../src/rtnetlink/route.ts";
import { deleteRule, listRules, type Rule } from "../../src/rtnetlink/rule.ts";
import { type RouteJson, routeFromJson, routeToJson } from "./routejson.ts";
import { putRoutesBack } from "./routes.ts";
import type { Source } from "./source.ts";

/** What the records of addresses and their tables are filed under: rules carry no mark. */
export const kind = "source-routes";

/** An address of the interface, and its table. */
export type NotedSource = Pick<Source, "address" | "table">;

/** What a record holds, in JSON. */
export interface Note {
  readonly sources: readonly { readonly address: string; readonly table: number }[];
  /** What the main table had; undefined: the tables are somebody else's. */
  readonly routes?: readonly RouteJson[];
}

export function writeNote(sources: readonly Source[], routes: readonly RouteEntry[] | undefined): Note {
  const told = sources.map(({ address, table }) => ({ address: address.toString(), table }));
  return { sources: told, ...(routes && { routes: routes.map(routeToJson) }) };
}

export function readSources({ sources }: Note): NotedSource[] {
  return sources.map(({ address, table }) => ({ address: Prefix.parse(address), table }));
}

/** Removes an attachment's rules, and the routes of its tables as far as they are still there. */
export function release(attachment: Attachment): void {
  const record = readRecord<Note>(kind, ownerOf(attachment));
  if (record === undefined) releaseUnrecorded(attachment);
  else releaseRecorded(record, attachment.netns);
}

function releaseUnrecorded(attachment: Attachment): void {
  using container = findSandbox(attachment);
  if (container === undefined) return;
  using _lock = lockContainer(container);
  const addresses = addressesOf(container, attachment);
  const isOurs = ({ source }: Rule) => addresses.some((address) => source?.equals(Prefix.host(address)));
  removeRules(container, isOurs);
}

/** As {@link release}, for an attachment that a record tells of. */
export function releaseRecorded(record: Record<Note>, netns?: string): void {
  const { owner, note } = record;
  using container = findRecordedSandbox(netns, record);
  if (container !== undefined) {
    using _lock = lockContainer(container);
    const sources = readSources(note);
    removeRules(container, (rule) => sources.some((source) => isRuleOf(rule, source)));
    const link = getLink(container.route, { name: owner.ifname });
    const routes = note.routes?.map(routeFromJson);
    if (link !== undefined && routes !== undefined) putRoutesBack(container, link, sources, routes);
  }
  removeRecord(kind, owner);
}

export function isRuleOf({ source, table }: Rule, wanted: NotedSource): boolean {
  return table === wanted.table && source?.equals(Prefix.host(wanted.address.address)) === true;
}

function removeRules(container: NetworkStack, isOurs: (rule: Rule) => boolean): void {
  const families: Family[] = [4, 6];
  for (const family of families) {
    for (const rule of listRules(container.route, family).filter(isOurs)) deleteRule(container.route, family, rule);
  }
}

/** What the Go suite added is found by the addresses that the interface has, or had. */
function addressesOf(container: NetworkStack, { ifname, prevResult }: Attachment): Address[] {
  const { ips = [], interfaces = [] } = prevResult ?? {};
  const told = ips.filter(({ interface: index = -1 }) => interfaces[index]?.name === ifname);
  const link = getLink(container.route, { name: ifname });
  const present = link === undefined ? [] : listAddresses(container.route, link.index);
  return [...told.map(({ address }) => address.address), ...present.map(({ prefix }) => prefix.address)];
}
