import type { Address } from "../ip/address.ts";
import { type Channel, type Clock, type Grant, NoLeaseError, type Patience } from "./channel.ts";
import {
  type Association,
  decodeMessage6,
  encodeAssociation,
  encodeClientName,
  encodeMessage6,
  findOption,
  type Message6,
  MessageType6,
  Option6,
  type Options6,
  readAssociation,
  readStatus,
  Status6,
} from "./message6.ts";
import { resendPauses6 } from "./times.ts";

/** What a client of DHCPv6 says of itself. */
export interface Client6 {
  readonly duid: Uint8Array;
  readonly iaid: number;
  readonly hostName?: string | undefined;
}

interface Reply {
  readonly message: Message6;
  readonly server: Buffer;
  readonly association: Association | undefined;
}

/**
 * Asks for an address (RFC 8415 section 18.2): solicit, advertise, request, reply. The first server that has an address is
 * taken: to wait for others would cost every container a second.
 *
 * @param wanted the address that it would like.
 * @throws NoLeaseError when no server gave one in time; what the channel throws.
 */
export async function acquire6(
  channel: Channel,
  client: Client6,
  { answer, resend, total }: Patience,
  clock: Clock,
  wanted?: Address,
): Promise<Grant> {
  const begin = clock.now();
  let offer: { readonly server: Buffer; readonly address: Address } | undefined;
  let transaction = newTransaction(clock);
  let at = begin;
  let refused = "";
  for (const pause of resendPauses6(resend, clock.random)) {
    const send = () => {
      const now = clock.now();
      if (offer === undefined) at = now;
      const type = offer === undefined ? MessageType6.solicit : MessageType6.request;
      const options = describe(client, now - begin, offer?.server, offer?.address ?? wanted);
      channel.send(encodeMessage6({ type, transaction, options }));
      return Math.min(now + pause, begin + total);
    };
    for (let until = send(); ; ) {
      const received = await channel.receive(until);
      if (received === undefined) break;
      const reply = readReply(received.payload, client, transaction);
      if (reply === undefined) continue;
      const given = reply.association?.addresses.find(({ valid }) => valid > 0);
      const isAnswer = reply.message.type === (offer === undefined ? MessageType6.advertise : MessageType6.reply);
      if (!isAnswer) continue;
      if (given === undefined) {
        refused = `: a server refused (${explain(reply)})`;
        offer = undefined;
      } else if (offer !== undefined) {
        return { message: received.payload, at };
      } else {
        offer = { server: reply.server, address: given.address };
        transaction = newTransaction(clock);
        at = clock.now();
        until = send();
      }
    }
    if (offer !== undefined && clock.now() - at >= answer) {
      refused = `: a server offered ${offer.address} and then gave no answer`;
      offer = undefined;
    }
    if (clock.now() - begin >= total) break;
  }
  throw new NoLeaseError(
    `Cannot get an IPv6 address: no DHCPv6 server gave one within ${Math.round(total / 1000)} s${refused}`,
  );
}

/**
 * Asks to prolong a lease (RFC 8415 sections 18.2.4 and 18.2.5).
 *
 * @param server its identifier; without it any server is asked.
 * @returns as {@link import("./client4.ts").renew4}.
 */
export async function renew6(
  channel: Channel,
  client: Client6,
  { address, server, until }: { address: Address; server: Buffer | undefined; until: number },
  clock: Clock,
): Promise<Grant | "refused" | undefined> {
  const transaction = newTransaction(clock);
  const at = clock.now();
  const type = server === undefined ? MessageType6.rebind : MessageType6.renew;
  channel.send(encodeMessage6({ type, transaction, options: describe(client, 0, server, address) }));
  for (;;) {
    const received = await channel.receive(until);
    if (received === undefined) return undefined;
    const reply = readReply(received.payload, client, transaction);
    if (reply?.message.type !== MessageType6.reply || reply.association === undefined) continue;
    const { addresses, status } = reply.association;
    const given = addresses.find((one) => one.address.equals(address));
    if (given !== undefined && given.valid > 0) return { message: received.payload, at };
    if (given !== undefined || status.code === Status6.noBinding) return "refused";
  }
}

/** The message that gives an address back. */
export function release6(client: Client6, address: Address, server: Buffer, clock: Clock): Buffer {
  const { duid, iaid } = client;
  const options = describe({ duid, iaid }, 0, server, address);
  return encodeMessage6({ type: MessageType6.release, transaction: newTransaction(clock), options });
}

function describe({ duid, iaid, hostName }: Client6, elapsed: number, server?: Buffer, address?: Address): Options6 {
  const hundredths = Buffer.alloc(2);
  hundredths.writeUInt16BE(Math.min(Math.floor(elapsed / 10), 0xffff));
  return [
    [Option6.clientIdentifier, Buffer.from(duid)],
    ...(server ? [[Option6.serverIdentifier, server] as const] : []),
    [Option6.elapsed, hundredths],
    [Option6.association, encodeAssociation(iaid, address)],
    [Option6.requested, Buffer.of(0, Option6.nameServers, 0, Option6.domainSearch)],
    ...(hostName === undefined ? [] : [[Option6.clientName, encodeClientName(hostName)] as const]),
  ];
}

function readReply(payload: Buffer, { duid, iaid }: Client6, transaction: number): Reply | undefined {
  const message = decodeMessage6(payload);
  if (message === undefined || message.transaction !== transaction) return undefined;
  const server = findOption(message, Option6.serverIdentifier);
  if (server === undefined || !findOption(message, Option6.clientIdentifier)?.equals(duid)) return undefined;
  return { message, server, association: readAssociation(message, iaid) };
}

function explain({ message, association }: Reply): string {
  const told = [association?.status, readStatus(message)].find((status) => status && status.code !== Status6.success);
  return told === undefined ? "it has no address" : told.text || `status ${told.code}`;
}

function newTransaction(clock: Clock): number {
  return Math.floor(clock.random() * 2 ** 24);
}
