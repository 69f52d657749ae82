import { ownerMark } from "../../src/attach/owner.ts";
import { NoLeaseError } from "../../src/dhcp/channel.ts";
import { nextAttempt, phaseAt, type Times } from "../../src/dhcp/times.ts";
import type { Daemon } from "./daemon.ts";
import { protocols } from "./families.ts";
import { findOwnPlace, restoreAddress, type Taken, takeAddress } from "./place.ts";
import type { KeptGrant, LeaseRecord } from "./store.ts";

type Family = 4 | 6;

/** An attachment with its leases, which are prolonged until it is let go. */
export interface Held {
  record: LeaseRecord;
  readonly letGo: AbortController;
}

/** Between two attempts to get a lost address again. */
const PAUSE_MS = 60_000;

/**
 * Prolongs a lease for as long as that succeeds. Then the address is taken from the container, which may not use it any more,
 * and given to it again when a server does so. Ends when that cannot be.
 */
export async function keepLease(daemon: Daemon, held: Held, family: Family): Promise<void> {
  const { signal } = held.letGo;
  for (let kept = held.record.leases[family]; kept !== undefined; kept = held.record.leases[family]) {
    const { times, ip } = protocols[family].lease(held.record, kept);
    const outcome = await prolong(daemon, held, { family, kept, times }, signal);
    signal.throwIfAborted();
    if (typeof outcome === "object") {
      note(daemon, held, family, outcome);
      continue;
    }
    note(daemon, held, family, undefined);
    daemon.log(`${ownerMark(held.record)}: ${ip.address} ${outcome === "refused" ? "was taken back" : "ran out"}`);
    const taken = takeAddress(held.record.netns, ip.address);
    if (taken !== undefined) await regain(daemon, held, taken, signal);
  }
}

interface Holding {
  readonly family: Family;
  readonly kept: KeptGrant;
  readonly times: Times;
}

async function prolong(
  daemon: Daemon,
  held: Held,
  { family, kept, times }: Holding,
  signal: AbortSignal,
): Promise<KeptGrant | "refused" | "expired"> {
  let next = phaseAt(times, daemon.clock.now()) === "bound" ? times.renew : daemon.clock.now();
  for (;;) {
    await daemon.loop.sleep(next, signal);
    const now = daemon.clock.now();
    if (phaseAt(times, now) === "expired") return "expired";
    const outcome = await attempt(daemon, held, { family, kept, times }, signal);
    if (outcome !== undefined) return outcome;
    next = nextAttempt(times, now);
  }
}

async function attempt(daemon: Daemon, { record }: Held, { family, kept }: Holding, signal: AbortSignal) {
  try {
    return await protocols[family].renew(daemon, record, kept, signal);
  } catch (error) {
    signal.throwIfAborted();
    daemon.log(`${ownerMark(record)}: ${error}`);
    return undefined;
  }
}

/** Asks for a lost address until a server gives it, or another, which is of no use to a container that runs already. */
async function regain(daemon: Daemon, held: Held, taken: Taken, signal: AbortSignal): Promise<void> {
  const { address } = taken.prefix;
  for (; ; await daemon.loop.sleep(daemon.clock.now() + PAUSE_MS, signal)) {
    using place = findOwnPlace(held.record);
    if (place === undefined) return;
    const { family } = address;
    try {
      const kept = await protocols[family].acquire(daemon, place, held.record, signal, address);
      if (!protocols[family].grantOf(held.record, kept).equals(address)) {
        protocols[family].release(daemon, held.record, kept);
        daemon.log(`${ownerMark(held.record)}: ${address} is somebody else's now`);
        return;
      }
      restoreAddress(place, taken);
      note(daemon, held, family, kept);
      daemon.log(`${ownerMark(held.record)}: ${address} is back`);
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof NoLeaseError)) daemon.log(`${ownerMark(held.record)}: ${error}`);
    }
  }
}

function note(daemon: Daemon, held: Held, family: Family, kept: KeptGrant | undefined): void {
  const { record } = held;
  const options = kept && protocols[family].lease(record, kept).options;
  held.record = { ...record, leases: { ...record.leases, [family]: kept }, ...(options && { options }) };
  try {
    daemon.store.write(held.record);
  } catch (error) {
    // The container has its address all the same; the file tells of the time before.
    daemon.log(`${ownerMark(held.record)}: cannot keep its lease: ${error}`);
  }
}
