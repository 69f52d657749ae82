import type { Grant } from "../../src/dhcp/channel.ts";
import { acquire4, type Client4, release4, renew4 } from "../../src/dhcp/client4.ts";
import { identityOf } from "../../src/dhcp/identity.ts";
import { type Lease4, readGrant4, readLease4 } from "../../src/dhcp/lease4.ts";
import { phaseAt, phaseEnd } from "../../src/dhcp/times.ts";
import type { Address } from "../../src/ip/address.ts";
import type { Mac } from "../../src/ip/mac.ts";
import { broadcast4, clientEnd, everybody, openFrameChannel, openUdpChannel, serverEnd } from "./channels.ts";
import type { Daemon } from "./daemon.ts";
import { sayFarewell } from "./farewell.ts";
import { findPlace, type Place } from "./place.ts";
import type { Protocol } from "./protocol.ts";
import type { KeptGrant, LeaseRecord } from "./store.ts";
import type { Client } from "./wire.ts";

/** DHCPv4 for containers. */
export const dhcp4: Protocol = { acquire, renew, release, grantOf, lease };

async function acquire(
  daemon: Daemon,
  place: Place,
  client: Client,
  signal: AbortSignal,
  wanted?: Address,
): Promise<KeptGrant> {
  using channel = openFrameChannel(daemon.loop, place, signal);
  // Containers on one ipvlan master share its MAC, so an answer to the address alone finds none of them.
  const broadcast = daemon.broadcast || place.link.info?.kind === "ipvlan";
  const described = describe(client, place.link.mac, broadcast);
  return keep(await acquire4(channel, described, daemon.patience, daemon.clock, wanted));
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
  const remote = phaseAt(times, now) === "renewing" ? serverEnd(server) : broadcast4;
  using channel = openUdpChannel(daemon.loop, place, { local: clientEnd(address), remote }, signal);
  const until = Math.min(phaseEnd(times, now), now + daemon.patience.answer);
  const outcome = await renew4(channel, describe(record, record.mac, false), address, until, daemon.clock);
  return typeof outcome === "object" ? keep({ ...outcome, mac: kept.mac }) : outcome;
}

function release(daemon: Daemon, record: LeaseRecord, kept: KeptGrant): boolean {
  const { address, server } = readGrant4(Buffer.from(kept.message, "hex"));
  return sayFarewell(record, address, {
    fromMac: record.mac,
    toMac: kept.mac ?? everybody,
    from: clientEnd(address),
    to: serverEnd(server),
    payload: release4(describe(record, record.mac, false), address, server, daemon.clock),
  });
}

function grantOf(_client: Client, { message }: KeptGrant): Address {
  return readGrant4(Buffer.from(message, "hex")).address;
}

function lease(record: Client, { message, at, mac }: KeptGrant): Lease4 {
  return readLease4({ message: Buffer.from(message, "hex"), at, mac }, record.wishes.priority);
}

function describe({ wishes, ifname }: Client, mac: Mac, broadcast: boolean): Client4 {
  return {
    mac,
    clientIdentifier: identityOf(wishes.who, ifname).clientIdentifier,
    hostName: wishes.hostName,
    requested: wishes.request,
    provided: new Map(wishes.provide.map(([code, value]) => [code, Buffer.from(value, "hex")])),
    broadcast,
  };
}

function keep({ message, at, mac }: Grant): KeptGrant {
  return { message: message.toString("hex"), at, mac };
}
