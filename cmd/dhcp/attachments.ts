import { ownerMark } from "../../src/attach/owner.ts";
import { NetworkStack } from "../../src/attach/stack.ts";
import { printResult } from "../../src/cni/convert.ts";
import type { JsonObject } from "../../src/cni/json.ts";
import type { AttachmentKey } from "../../src/cni/plugin.ts";
import type { Result } from "../../src/cni/result.ts";
import type { Lease } from "../../src/dhcp/lease4.ts";
import type { Address } from "../../src/ip/address.ts";
import { SystemError } from "../../src/linux/libc.ts";
import { setLink, setLinkUp } from "../../src/rtnetlink/link.ts";
import { awaitCarrier } from "./carrier.ts";
import type { Daemon } from "./daemon.ts";
import { protocols } from "./families.ts";
import { type Held, keepLease } from "./keeper.ts";
import { prepareIPv6 } from "./linklocal.ts";
import { openPlace, type Place, segmentOf } from "./place.ts";
import type { KeptGrant, LeaseRecord } from "./store.ts";
import type { Client, Holder } from "./wire.ts";

type Family = 4 | 6;

/** All leases that the daemon minds. */
export interface Attachments {
  /** @returns the result of ADD, in the form of version 1.1.0. */
  add(client: Client, signal: AbortSignal): Promise<JsonObject>;
  /** @returns as {@link add}. @throws Error unless the attachment has what it asked for. */
  check(holder: Holder): JsonObject;
  delete(holder: Holder): Promise<void>;
  collect(network: string, valid: readonly AttachmentKey[]): Promise<void>;
  /** Goes on where the last daemon ended: leases are prolonged, and those given back that were condemned meanwhile. */
  resume(): void;
}

export function createAttachments(daemon: Daemon): Attachments {
  const held = new Map<string, Held>();
  const adding = new Map<string, AbortController>();
  const queues = new Map<string, Promise<unknown>>();

  /** One after another for each attachment. */
  function inTurn<T>(holder: Holder, task: () => Promise<T>): Promise<T> {
    const key = keyOf(holder);
    const turn = (queues.get(key) ?? Promise.resolve()).then(task, task);
    const settled = turn
      .catch(() => {})
      .then(() => {
        if (queues.get(key) === settled) queues.delete(key);
      });
    queues.set(key, settled);
    return turn;
  }

  function hold(record: LeaseRecord): void {
    const entry: Held = { record, letGo: new AbortController() };
    held.set(keyOf(record), entry);
    Promise.all(familiesOf(record).map((family) => keepLease(daemon, entry, family))).then(
      // All is lost for good.
      () => release(record),
      (error) => {
        if (!entry.letGo.signal.aborted) daemon.log(`${ownerMark(record)}: cannot prolong its lease: ${error}`);
      },
    );
  }

  function release(holder: Holder): void {
    const entry = held.get(keyOf(holder));
    entry?.letGo.abort(new Error("it was given back"));
    held.delete(keyOf(holder));
    if (entry !== undefined) giveBack(daemon, entry.record, [...held.values()]);
    daemon.store.remove(holder);
  }

  /** What is not on disk would be forgotten. */
  function write(record: LeaseRecord): void {
    try {
      daemon.store.write(record);
    } catch (cause) {
      giveBack(daemon, record, []);
      throw new Error(`Cannot keep the lease of ${ownerMark(record)}`, { cause });
    }
  }

  return {
    add: (client, signal) =>
      inTurn(client, async () => {
        const known = held.get(keyOf(client));
        if (known !== undefined && isStillThere(known.record, client)) return printLeases(known.record);
        if (known !== undefined) release(client);
        const stopped = new AbortController();
        adding.set(keyOf(client), stopped);
        try {
          const record = await acquire(daemon, client, AbortSignal.any([signal, stopped.signal]));
          write(record);
          hold(record);
          return printLeases(record);
        } finally {
          adding.delete(keyOf(client));
        }
      }),

    check(holder) {
      const record = held.get(keyOf(holder))?.record;
      const missing = record?.wishes.families.filter((family) => record.leases[family] === undefined) ?? [];
      if (record !== undefined && missing.length === 0) return printLeases(record);
      const what = missing.map((family) => `IPv${family} `).join("and ");
      throw new Error(`Cannot find the ${what}lease of ${ownerMark(holder)}: it ran out, or was never given`);
    },

    delete(holder) {
      adding.get(keyOf(holder))?.abort(new Error("DEL came meanwhile"));
      return inTurn(holder, async () => release(holder));
    },

    async collect(network, valid) {
      const keep = new Set(valid.map((key) => keyOf({ network, ...key })));
      const stale = [...held.values()].filter(({ record }) => record.network === network && !keep.has(keyOf(record)));
      await Promise.all(stale.map(({ record }) => this.delete(record)));
    },

    resume() {
      const records = daemon.store.list().filter(({ socket }) => socket === daemon.socket);
      const condemned = records.filter((record) => daemon.store.isCondemned(record));
      for (const record of records) if (!condemned.includes(record)) hold(record);
      for (const record of condemned) {
        giveBack(daemon, record, [...held.values()]);
        daemon.store.remove(record);
      }
    },
  };
}

async function acquire(daemon: Daemon, client: Client, signal: AbortSignal): Promise<LeaseRecord> {
  using place = openPlace(client.netns, client.ifname);
  const families = [...new Set(client.wishes.families)];
  if (families.includes(6)) prepareIPv6(place);
  setLinkUp(place.stack.route, place.link);
  await awaitCarrier(daemon.loop, place, signal);
  const failed = new AbortController();
  const attempts = families.map(async (family): Promise<[Family, KeptGrant]> => {
    try {
      const kept = await protocols[family].acquire(daemon, place, client, AbortSignal.any([signal, failed.signal]));
      // What cannot be used is given back below.
      return [family, kept];
    } catch (error) {
      failed.abort(error instanceof SystemError ? cannotAsk(client, error) : error);
      throw error;
    }
  });
  const outcomes = await Promise.allSettled(attempts);
  const leases = Object.fromEntries(
    outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : [])),
  );
  const record: LeaseRecord = {
    ...client,
    socket: daemon.socket,
    mac: place.link.mac,
    segment: findSegment(place),
    leases,
  };
  try {
    if (failed.signal.aborted) throw failed.signal.reason;
    signal.throwIfAborted();
    const { mtu, options } = combine(record);
    if (mtu !== undefined) applyMtu(daemon, place, mtu);
    return { ...record, options };
  } catch (error) {
    giveBack(daemon, record, []);
    throw error;
  }
}

/** Its link went down, or away, meanwhile. */
function cannotAsk({ ifname, netns }: Client, cause: SystemError): Error {
  return new Error(`Cannot use DHCP for ${ifname} of ${netns}`, { cause });
}

function findSegment(place: Place) {
  using host = NetworkStack.own();
  return segmentOf(host, place);
}

/** The MTU that the segment has by its server's word; where the link cannot have it, it works with its own. */
function applyMtu(daemon: Daemon, { stack, link }: Place, mtu: number): void {
  try {
    setLink(stack.route, `set the MTU of ${link.name}`, { index: link.index, mtu });
  } catch (error) {
    daemon.log(`${error}: the DHCP server says ${mtu}`);
  }
}

/** Whether what an earlier ADD got is still in use: the same container asks once more. */
function isStillThere(record: LeaseRecord, client: Client): boolean {
  if (record.netns !== client.netns) return false;
  if (JSON.stringify(record.wishes) !== JSON.stringify(client.wishes)) return false;
  try {
    using place = openPlace(client.netns, client.ifname);
    return place.link.mac === record.mac && familiesOf(record).length === client.wishes.families.length;
  } catch {
    return false;
  }
}

/** Gives back what nobody else has: a container that took another's place may have its identity, and so its lease. */
function giveBack(daemon: Daemon, record: LeaseRecord, others: readonly Held[]): void {
  for (const family of familiesOf(record)) {
    const kept = record.leases[family];
    if (kept === undefined) continue;
    const protocol = protocols[family];
    try {
      const address = protocol.grantOf(record, kept);
      if (others.some((other) => hasAddress(other.record, record.network, address))) continue;
      const done = protocol.release(daemon, record, kept);
      daemon.log(
        `${ownerMark(record)}: ${done ? "gave back" : "its link has gone, and so it could not give back"} ${address}`,
      );
    } catch (error) {
      daemon.log(`${ownerMark(record)}: ${error}`);
    }
  }
}

function hasAddress(record: LeaseRecord, network: string, address: Address): boolean {
  const { family } = address;
  const kept = record.leases[family];
  return record.network === network && kept !== undefined && protocols[family].grantOf(record, kept).equals(address);
}

function familiesOf({ leases }: LeaseRecord): Family[] {
  return ([4, 6] as const).filter((family) => leases[family] !== undefined);
}

/** What all leases of an attachment say together. */
function combine(record: LeaseRecord): Result & Pick<Lease, "mtu" | "options"> {
  const leases = familiesOf(record).flatMap((family) => {
    const kept = record.leases[family];
    return kept === undefined ? [] : [protocols[family].lease(record, kept)];
  });
  const nameservers = leases.flatMap(({ dns }) => dns.nameservers ?? []);
  const search = [...new Set(leases.flatMap(({ dns }) => dns.search ?? []))];
  const domain = leases.find(({ dns }) => dns.domain)?.dns.domain;
  return {
    interfaces: [],
    ips: leases.map(({ ip }) => ip),
    routes: leases.flatMap(({ routes }) => routes),
    dns: {
      ...(nameservers.length > 0 && { nameservers }),
      ...(domain && { domain }),
      ...(search.length > 0 && { search }),
    },
    mtu: leases.find(({ mtu }) => mtu !== undefined)?.mtu,
    ...leases.map(({ options }) => options && { options }).find(Boolean),
  };
}

function printLeases(record: LeaseRecord): JsonObject {
  return printResult(combine(record), "1.1.0");
}

function keyOf(holder: Holder): string {
  return ownerMark(holder);
}
