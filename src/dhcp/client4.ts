import type { Address } from "../ip/address.ts";
import type { Mac } from "../ip/mac.ts";
import { type Channel, type Clock, type Grant, NoLeaseError, type Patience } from "./channel.ts";
import { decodeMessage4, encodeMessage4, type Message4, MessageType } from "./message4.ts";
import { decodeOptions4, encodeOptions4, type Options4, type RawOptions } from "./options4.ts";
import { resendPauses } from "./times.ts";

/** What a client of DHCPv4 says of itself. */
export interface Client4 {
  readonly mac: Mac;
  readonly clientIdentifier: Uint8Array;
  readonly hostName?: string | undefined;
  /** Codes of the options that it wants. */
  readonly requested: readonly number[];
  /** Options that somebody wants sent, in place of ours. */
  readonly provided: RawOptions;
  /** Whether it asks for answers to all. */
  readonly broadcast: boolean;
}

const LARGEST_MESSAGE = 1472;

/**
 * Asks for an address (RFC 2131 section 3.1): discover, offer, request, acknowledgement.
 *
 * @param wanted the address that it would like.
 * @throws NoLeaseError when no server gave one in time; what the channel throws.
 */
export async function acquire4(
  channel: Channel,
  client: Client4,
  { answer, resend, total }: Patience,
  clock: Clock,
  wanted?: Address,
): Promise<Grant> {
  const begin = clock.now();
  const transaction = newTransaction(clock);
  let offer: (Options4 & { address: Address }) | undefined;
  let at = begin;
  let refused = "";
  for (const pause of resendPauses(resend, clock.random)) {
    const send = () => {
      const now = clock.now();
      if (offer === undefined) at = now;
      const seconds = Math.floor((now - begin) / 1000);
      const options = offer === undefined ? discovery(wanted) : acceptance(offer.address, offer.server);
      channel.send(compose(client, { transaction, seconds }, options));
      return Math.min(now + pause, begin + total);
    };
    for (let until = send(); ; ) {
      const received = await channel.receive(until);
      if (received === undefined) break;
      const reply = readReply(received.payload, client, transaction);
      if (reply === undefined) continue;
      const { options, message } = reply;
      if (offer === undefined && options.messageType === MessageType.offer && options.server) {
        offer = { ...options, address: message.yours };
        at = clock.now();
        until = send();
      } else if (offer !== undefined && options.messageType === MessageType.ack) {
        return { message: received.payload, at, mac: received.mac };
      } else if (offer !== undefined && options.messageType === MessageType.nak) {
        refused = `: server ${options.server ?? "unknown"} refused ${offer.address}${options.message ? ` (${options.message})` : ""}`;
        offer = undefined;
      }
    }
    if (offer !== undefined && clock.now() - at >= answer) {
      refused = `: server ${offer.server} offered ${offer.address} and then gave no answer`;
      offer = undefined;
    }
    if (clock.now() - begin >= total) break;
  }
  throw new NoLeaseError(
    `Cannot get an IPv4 address: no DHCP server gave one within ${Math.round(total / 1000)} s${refused}`,
  );
}

/**
 * Asks to prolong a lease (RFC 2131 section 4.4.5); whom, the channel decides.
 *
 * @returns the new acknowledgement, `refused` when the address may not be used any more, undefined when nobody answered.
 */
export async function renew4(
  channel: Channel,
  client: Client4,
  address: Address,
  until: number,
  clock: Clock,
): Promise<Grant | "refused" | undefined> {
  const transaction = newTransaction(clock);
  const at = clock.now();
  channel.send(
    compose({ ...client, broadcast: false }, { transaction, client: address }, { messageType: MessageType.request }),
  );
  for (;;) {
    const received = await channel.receive(until);
    if (received === undefined) return undefined;
    const reply = readReply(received.payload, client, transaction);
    if (reply?.options.messageType === MessageType.nak) return "refused";
    // A server that gives another address gives it to somebody who is not there.
    const same = reply?.message.yours.equals(address);
    if (same && reply?.options.messageType === MessageType.ack) return { message: received.payload, at };
  }
}

/** The message that gives an address back; no server answers it. */
export function release4(client: Client4, address: Address, server: Address, clock: Clock): Buffer {
  const message = { transaction: newTransaction(clock), client: address };
  const own: Client4 = { ...client, hostName: undefined, requested: [], provided: new Map(), broadcast: false };
  const identifier = client.provided.get(61) ?? client.clientIdentifier;
  return compose({ ...own, clientIdentifier: identifier }, message, { messageType: MessageType.release, server });
}

function discovery(wanted: Address | undefined): Options4 {
  return { messageType: MessageType.discover, ...(wanted && { requestedAddress: wanted }) };
}

function acceptance(address: Address, server: Address | undefined): Options4 {
  return { messageType: MessageType.request, requestedAddress: address, ...(server && { server }) };
}

function compose(
  { mac, clientIdentifier, hostName, requested, provided, broadcast }: Client4,
  message: Pick<Message4, "transaction"> & Partial<Message4>,
  { messageType, ...options }: Options4,
): Buffer {
  const own = encodeOptions4({
    // First, since there are servers that look for it there.
    ...(messageType !== undefined && { messageType }),
    ...options,
    clientIdentifier,
    ...(hostName !== undefined && { hostName }),
    ...(requested.length > 0 && { largestMessage: LARGEST_MESSAGE, requested: Buffer.from(requested) }),
  });
  return encodeMessage4({ broadcast, ...message, mac, options: new Map([...own, ...provided]) });
}

function readReply(
  payload: Buffer,
  { mac }: Client4,
  transaction: number,
): { message: Message4; options: Options4 } | undefined {
  const message = decodeMessage4(payload);
  if (message === undefined || !message.reply) return undefined;
  if (message.transaction !== transaction || message.mac !== mac) return undefined;
  return { message, options: decodeOptions4(message.options) };
}

function newTransaction(clock: Clock): number {
  return Math.floor(clock.random() * 2 ** 32);
}
