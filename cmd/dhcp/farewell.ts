import { NetworkStack } from "../../src/attach/stack.ts";
import { EtherType, encodeFrame, type Frame } from "../../src/dhcp/frame.ts";
import { Address } from "../../src/ip/address.ts";
import { openPacketSocket, openUdpSocket, sendDatagram, sendFrame } from "../../src/linux/datagramsocket.ts";
import { listAddresses } from "../../src/rtnetlink/address.ts";
import { getLink } from "../../src/rtnetlink/link.ts";
import { findOwnPlace, findPlace, type Segment } from "./place.ts";
import type { LeaseRecord } from "./store.ts";

/**
 * Sends what gives an address back: from the container's link or, where that has gone, from the link of the host that it used. A
 * server looks at what is said and by whom, not where from.
 *
 * @returns false when neither link is there any more, or up.
 */
export function sayFarewell(record: LeaseRecord, address: Address, frame: Frame): boolean {
  using place = findPlace(record.netns, address) ?? findOwnPlace(record);
  if (place !== undefined && trySend(() => sendFrom(place.stack, place.link.index, frame))) return true;
  using host = NetworkStack.own();
  const { segment } = record;
  const link = segment && getLink(host.route, { name: segment.name });
  if (segment === undefined || link?.index !== segment.index) return false;
  const { vlan } = segment;
  if (vlan === undefined && reachesHost(host, frame)) trySend(() => sendFromHost(segment, frame));
  return trySend(() => sendFrom(host, segment.index, { ...frame, vlan }));
}

function sendFrom({ namespace }: NetworkStack, index: number, frame: Frame): void {
  using socket = namespace.run(() => openPacketSocket(index, EtherType[frame.to.address.family]));
  sendFrame(socket, encodeFrame(frame));
}

/** A frame goes out of a bridge, never up into the host that has the bridge, so a server there is told in the host's own name. */
function sendFromHost(segment: Segment, { to, payload }: Frame): void {
  const { family } = to.address;
  using socket = openUdpSocket(segment, { address: new Address(family, 0n), port: 0 });
  sendDatagram(socket, payload, to, segment.index);
}

function reachesHost(host: NetworkStack, { to: { address } }: Frame): boolean {
  return address.isMulticast || listAddresses(host.route).some(({ prefix }) => prefix.address.equals(address));
}

/** The link may be down, or go at this moment. */
function trySend(send: () => void): boolean {
  try {
    send();
    return true;
  } catch {
    return false;
  }
}
