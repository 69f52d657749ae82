import { lockContainer } from "../../src/attach/containerlock.ts";
import { ownerOf } from "../../src/attach/owner.ts";
import { findRecordedSandbox, type Record, readRecord, removeRecord } from "../../src/attach/record.ts";
import { findSandbox, type NetworkStack } from "../../src/attach/stack.ts";
import type { Attachment } from "../../src/cni/plugin.ts";
import { Address, type Family } from "../../src/ip/address.ts";
import { Prefix } from "../../src/ip/prefix.ts";
import { listAddresses } from "../../src/rtnetlink/address.ts";
import { getLink } from "../../src/rtnetlink/link.ts";
import { deleteRule, listRules, type Rule } from "../../src/rtnetlink/rule.ts";
import { clearTables } from "./routes.ts";
import type { Source } from "./source.ts";

/** What the records of addresses and their tables are filed under: rules carry no mark. */
export const kind = "source-routes";

/** What a record holds of each address. */
export interface Noted {
  readonly address: string;
  readonly table: number;
  /** Whether the table was free, so that its routes are ours. */
  readonly own: boolean;
}

export function noteOf(sources: readonly Source[], own: boolean): Noted[] {
  return sources.map(({ address, table }) => ({ address: address.address.toString(), table, own }));
}

/** Removes an attachment's rules, and the routes of its tables as far as they are still there. */
export function release(attachment: Attachment): void {
  const record = readRecord<Noted[]>(kind, ownerOf(attachment));
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
export function releaseRecorded(record: Record<Noted[]>, netns?: string): void {
  const { owner, note } = record;
  using container = findRecordedSandbox(netns, record);
  if (container !== undefined) {
    using _lock = lockContainer(container);
    removeRules(container, (rule) => note.some((noted) => isNoted(rule, noted)));
    const link = getLink(container.route, { name: owner.ifname });
    const tables = note.filter(({ own }) => own).map(({ table }) => table);
    if (link !== undefined && tables.length > 0) clearTables(container, link, tables);
  }
  removeRecord(kind, owner);
}

export function isNoted({ source, table }: Rule, noted: Noted): boolean {
  return table === noted.table && source?.equals(Prefix.host(Address.parse(noted.address))) === true;
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
