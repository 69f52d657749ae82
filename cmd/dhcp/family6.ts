import type { Grant } from "../../src/dhcp/channel.ts";
import { acquire6, type Client6, release6, renew6 } from "../../src/dhcp/client6.ts";
import { identityOf } from "../../src/dhcp/identity.ts";
import { type Lease6, readLease6 } from "../../src/dhcp/lease6.ts";
import { phaseAt, phaseEnd } from "../../src/dhcp/times.ts";
import { Address } from "../../src/ip/address.ts";
import { clientEnd, multicast6, openUdpChannel } from "./channels.ts";
import type { Daemon } from "./daemon.ts";
import { sayFarewell } from "./farewell.ts";
import { awaitLinkLocal } from "./linklocal.ts";
import { findPlace, type Place } from "./place.ts";
import type { Protocol } from "./protocol.ts";
import type { KeptGrant, LeaseRecord } from "./store.ts";
import type { Client } from "./wire.ts";

/** DHCPv6 for containers. */
export const dhcp6: Protocol = { acquire, renew, release, grantOf, lease };

async function acquire(
  daemon: Daemon,
  place: Place,
  client: Client,
  signal: AbortSignal,
  wanted?: Address,
): Promise<KeptGrant> {
  const from = await awaitLinkLocal(daemon.loop, place, signal);
  using channel = openUdpChannel(daemon.loop, place, { local: clientEnd(from), remote: multicast6 }, signal);
  return keep(await acquire6(channel, describe(client), daemon.patience, daemon.clock, wanted), from);
}

/** Its server is asked, or any server where that gave no answer. */
async function renew(
  daemon: Daemon,
  record: LeaseRecord,
  kept: KeptGrant,
  signal: AbortSignal,
): Promise<KeptGrant | "refused" | undefined> {
  const { ip, server, times } = lease(record, kept);
  const { address } = ip.address;
  using place = findPlace(record.netns, address);
  if (place === undefined) return undefined;
  const now = daemon.clock.now();
  const from = await awaitLinkLocal(daemon.loop, place, signal);
  using channel = openUdpChannel(daemon.loop, place, { local: clientEnd(from), remote: multicast6 }, signal);
  const until = Math.min(phaseEnd(times, now), now + daemon.patience.answer);
  const asked = phaseAt(times, now) === "renewing" ? server : undefined;
  const outcome = await renew6(channel, describe(record), { address, server: asked, until }, daemon.clock);
  return typeof outcome === "object" ? keep(outcome, from) : outcome;
}

/** As a frame: the link-local address that it is to come from has gone with the link, perhaps. */
function release(daemon: Daemon, record: LeaseRecord, kept: KeptGrant): boolean {
  const { ip, server } = lease(record, kept);
  const { address } = ip.address;
  if (kept.from === undefined) return false;
  return sayFarewell(record, address, {
    fromMac: record.mac,
    // RFC 2464 section 7.
    toMac: "33:33:00:01:00:02",
    from: clientEnd(Address.parse(kept.from)),
    to: multicast6,
    payload: release6(describe(record), address, server, daemon.clock),
  });
}

function grantOf(client: Client, kept: KeptGrant): Address {
  return lease(client, kept).ip.address.address;
}

function lease(client: Client, { message, at }: KeptGrant): Lease6 {
  return readLease6({ message: Buffer.from(message, "hex"), at }, describe(client).iaid);
}

function describe({ wishes, ifname }: Client): Client6 {
  const { duid, iaid } = identityOf(wishes.who, ifname);
  return { duid, iaid, hostName: wishes.hostName };
}

function keep({ message, at }: Grant, from: Address): KeptGrant {
  return { message: message.toString("hex"), at, from: String(from) };
}
