import { ownerMark } from "../../src/attach/owner.ts";
import { nextAttempt, phaseAt, type Times } from "../../src/dhcp/times.ts";
import type { Daemon } from "./daemon.ts";
import { protocols } from "./families.ts";
import { removeAddress } from "./place.ts";
import type { KeptGrant, LeaseRecord } from "./store.ts";

/** An attachment with its leases, which are prolonged until it is let go. */
export interface Held {
  record: LeaseRecord;
  readonly letGo: AbortController;
}

/** Prolongs a lease for as long as that succeeds; then takes the address from the container, which may not use it any more. */
export async function keepLease(daemon: Daemon, held: Held, family: 4 | 6): Promise<void> {
  const { signal } = held.letGo;
  for (let kept = held.record.leases[family]; kept !== undefined; kept = held.record.leases[family]) {
    const { times, ip } = protocols[family].lease(held.record, kept);
    const outcome = await prolong(daemon, held, { family, kept, times }, signal);
    signal.throwIfAborted();
    const { record } = held;
    held.record = {
      ...record,
      leases: { ...record.leases, [family]: typeof outcome === "object" ? outcome : undefined },
    };
    if (typeof outcome !== "object") {
      daemon.log(`${ownerMark(record)}: ${ip.address} ${outcome === "refused" ? "was taken back" : "ran out"}`);
      removeAddress(record.netns, ip.address);
    }
    daemon.store.write(held.record);
  }
}

interface Holding {
  readonly family: 4 | 6;
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
