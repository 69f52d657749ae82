import type { Lease } from "../../src/dhcp/lease.ts";
import type { Address } from "../../src/ip/address.ts";
import type { Daemon } from "./daemon.ts";
import type { Place } from "./place.ts";
import type { KeptGrant, LeaseRecord } from "./store.ts";
import type { Client } from "./wire.ts";

/** What is done about leases, by the protocol of a family. */
export interface Protocol {
  /**
   * Asks for an address for a container's link, which is up.
   *
   * @param wanted the address that it would like.
   * @throws NoLeaseError when no server gave one.
   */
  acquire(daemon: Daemon, place: Place, client: Client, signal: AbortSignal, wanted?: Address): Promise<KeptGrant>;
  /**
   * Asks to prolong a lease.
   *
   * @returns what was given, `refused` when the address may not be used any more, undefined when there was no answer.
   */
  renew(
    daemon: Daemon,
    record: LeaseRecord,
    kept: KeptGrant,
    signal: AbortSignal,
  ): Promise<KeptGrant | "refused" | undefined>;
  /** Gives an address back; nobody waits for an answer. @returns whether there was a link to say it from. */
  release(daemon: Daemon, record: LeaseRecord, kept: KeptGrant): boolean;
  /** The address that was given. */
  grantOf(client: Client, kept: KeptGrant): Address;
  /** What was given. @throws Error when it cannot be used. */
  lease(client: Client, kept: KeptGrant): Lease;
}
