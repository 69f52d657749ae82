import { ownerMark } from "../../src/attach/owner.ts";
import type { JsonObject } from "../../src/cni/json.ts";
import type { AttachmentKey } from "../../src/cni/plugin.ts";
import { acquire } from "./acquire.ts";
import type { Daemon } from "./daemon.ts";
import { type Held, keepLease } from "./keeper.ts";
import { familiesOf, giveBack, printLeases } from "./leases.ts";
import { openPlace } from "./place.ts";
import type { LeaseRecord } from "./store.ts";
import type { Client, Holder } from "./wire.ts";

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
  const adding = new Map<AbortController, string>();
  const queues = new Map<string, Promise<unknown>>();

  const records = () => Array.from(held.values(), ({ record }) => record);

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
    if (entry !== undefined) giveBack(daemon, entry.record, records());
    daemon.store.remove(holder);
  }

  async function add(client: Client, signal: AbortSignal): Promise<JsonObject> {
    signal.throwIfAborted();
    const known = held.get(keyOf(client));
    if (known !== undefined && isStillThere(known.record, client)) return printLeases(known.record);
    if (known !== undefined) release(client);
    const record = await acquire(daemon, client, signal);
    write(record);
    hold(record);
    return printLeases(record);
  }

  /** What is not on disk would be forgotten. */
  function write(record: LeaseRecord): void {
    try {
      daemon.store.write(record);
    } catch (cause) {
      giveBack(daemon, record);
      throw new Error(`Cannot keep the lease of ${ownerMark(record)}`, { cause });
    }
  }

  return {
    async add(client, signal) {
      const stopped = new AbortController();
      adding.set(stopped, keyOf(client));
      try {
        return await inTurn(client, () => add(client, AbortSignal.any([signal, stopped.signal])));
      } finally {
        adding.delete(stopped);
      }
    },

    check(holder) {
      const record = held.get(keyOf(holder))?.record;
      const missing = record?.wishes.families.filter((family) => record.leases[family] === undefined) ?? [];
      if (record !== undefined && missing.length === 0) return printLeases(record);
      const what = missing.map((family) => `IPv${family} `).join("and ");
      throw new Error(`Cannot find the ${what}lease of ${ownerMark(holder)}: it ran out, or was never given`);
    },

    delete(holder) {
      const key = keyOf(holder);
      for (const [stopped, mine] of adding) if (mine === key) stopped.abort(new Error("DEL came meanwhile"));
      return inTurn(holder, async () => release(holder));
    },

    async collect(network, valid) {
      const keep = new Set(valid.map((key) => keyOf({ network, ...key })));
      const stale = records().filter((record) => record.network === network && !keep.has(keyOf(record)));
      await Promise.all(stale.map((record) => this.delete(record)));
    },

    resume() {
      const kept = daemon.store.list().filter(({ socket }) => socket === daemon.socket);
      const condemned = kept.filter((record) => daemon.store.isCondemned(record));
      for (const record of kept) if (!condemned.includes(record)) hold(record);
      for (const record of condemned) {
        giveBack(daemon, record, records());
        daemon.store.remove(record);
      }
    },
  };
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

function keyOf(holder: Holder): string {
  return ownerMark(holder);
}
