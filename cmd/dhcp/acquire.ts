import { NetworkStack } from "../../src/attach/stack.ts";
import { SystemError } from "../../src/linux/libc.ts";
import { setLink, setLinkUp } from "../../src/rtnetlink/link.ts";
import { awaitCarrier } from "./carrier.ts";
import type { Daemon } from "./daemon.ts";
import { protocols } from "./families.ts";
import { combineLeases, giveBack } from "./leases.ts";
import { prepareIPv6 } from "./linklocal.ts";
import { openPlace, type Place, segmentOf } from "./place.ts";
import type { KeptGrant, LeaseRecord } from "./store.ts";
import type { Client } from "./wire.ts";

/**
 * Gets an address of each family for a container's link, which is set up for that; of all of them, or none.
 *
 * @throws NoLeaseError when no server gave one; Error; the reason of `signal` once it is aborted.
 */
export async function acquire(daemon: Daemon, client: Client, signal: AbortSignal): Promise<LeaseRecord> {
  using place = openPlace(client.netns, client.ifname);
  const families = [...new Set(client.wishes.families)];
  if (families.includes(6)) prepareIPv6(place);
  setLinkUp(place.stack.route, place.link);
  await awaitCarrier(daemon.loop, place, signal);
  const failed = new AbortController();
  const attempts = families.map(async (family): Promise<[4 | 6, KeptGrant]> => {
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
    const { mtu, options } = combineLeases(record);
    if (mtu !== undefined) applyMtu(daemon, place, mtu);
    return { ...record, options };
  } catch (error) {
    giveBack(daemon, record);
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
