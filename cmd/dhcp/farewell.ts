import { NetworkStack } from "../../src/attach/stack.ts";
import { EtherType } from "../../src/dhcp/frame.ts";
import type { Address } from "../../src/ip/address.ts";
import { openPacketSocket, sendFrame } from "../../src/linux/datagramsocket.ts";
import { getLink } from "../../src/rtnetlink/link.ts";
import { findPlace } from "./place.ts";
import type { LeaseRecord } from "./store.ts";

/**
 * Sends a frame from a container's link, which has `address`, or from the link of the host that it used.
 *
 * @returns false when neither is there any more, or up.
 */
export function sendFromLink(record: LeaseRecord, frame: Outgoing): boolean {
  using place = findPlace(record.netns, frame.address);
  if (place !== undefined && trySend(place.stack, place.link.index, frame)) return true;
  using host = NetworkStack.own();
  const { segment } = record;
  const link = segment && getLink(host.route, { name: segment.name });
  return link !== undefined && link.index === segment?.index && trySend(host, segment.index, frame);
}

interface Outgoing {
  readonly address: Address;
  readonly bytes: Buffer;
}

function trySend({ namespace }: NetworkStack, index: number, { address, bytes }: Outgoing): boolean {
  try {
    using socket = namespace.run(() => openPacketSocket(index, EtherType[address.family]));
    sendFrame(socket, bytes);
    return true;
  } catch {
    // The link is down, or goes at this moment.
    return false;
  }
}
