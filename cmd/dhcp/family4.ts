import type { Grant } from "../../src/dhcp/channel.ts";
import { acquire4, type Client4, release4, renew4 } from "../../src/dhcp/client4.ts";
import { encodeFrame } from "../../src/dhcp/frame.ts";
import { identityOf } from "../../src/dhcp/identity.ts";
import { type Lease4, readLease4 } from "../../src/dhcp/lease4.ts";
import { phaseAt, phaseEnd } from "../../src/dhcp/times.ts";
import type { Mac } from "../../src/ip/mac.ts";
import { broadcast4, clientEnd, openFrameChannel, openUdpChannel, serverEnd } from "./channels.ts";
import type { Daemon } from "./daemon.ts";
import { sendFromLink } from "./farewell.ts";
import { findPlace, type Place } from "./place.ts";
import type { Protocol } from "./protocol.ts";
import type { KeptGrant, LeaseRecord } from "./store.ts";
import type { Client } from "./wire.ts";

/** DHCPv4 for containers. */
export const dhcp4: Protocol = { acquire, renew, release, lease };

async function acquire(daemon: Daemon, place: Place, client: Client, signal: AbortSignal): Promise<KeptGrant> {
  using channel = openFrameChannel(daemon.loop, place, signal);
  // Containers on one ipvlan master share its MAC, so an answer to the address alone finds none of them.
  const broadcast = daemon.broadcast || place.link.info?.kind === "ipvlan";
  const described = describe(client, place.link.mac, broadcast);
  return keep(await acquire4(channel, described, daemon.patience, daemon.clock));
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

/**
 * From the container's link or, where that has gone, from the link of the host that it used: a server looks at what is said
 * and by whom, not where from.
 */
function release(daemon: Daemon, record: LeaseRecord, kept: KeptGrant): boolean {
  const { ip, server } = lease(record, kept);
  const { address } = ip.address;
  const bytes = encodeFrame({
    fromMac: record.mac,
    toMac: kept.mac ?? "ff:ff:ff:ff:ff:ff",
    from: clientEnd(address),
    to: serverEnd(server),
    payload: release4(describe(record, record.mac, false), address, server, daemon.clock),
  });
  return sendFromLink(record, { address, bytes });
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
