import { expect, test } from "vitest";
import type { Channel, Clock, Patience } from "../../../src/dhcp/channel.ts";
import { acquire4, type Client4, release4, renew4 } from "../../../src/dhcp/client4.ts";
import { acquire6, type Client6, release6, renew6 } from "../../../src/dhcp/client6.ts";
import { identityOf } from "../../../src/dhcp/identity.ts";
import { readLease4 } from "../../../src/dhcp/lease4.ts";
import { readLease6 } from "../../../src/dhcp/lease6.ts";
import { decodeMessage4, encodeMessage4, type Message4, MessageType } from "../../../src/dhcp/message4.ts";
import { decodeMessage6, encodeMessage6, type Message6, MessageType6, Option6 } from "../../../src/dhcp/message6.ts";
import { decodeOptions4, encodeOptions4, type Options4 } from "../../../src/dhcp/options4.ts";
import { Address } from "../../../src/ip/address.ts";

/** A LAN in which time passes by waiting alone; the server answers each message at once. */
function lan(server: (payload: Buffer, time: number) => readonly Buffer[]) {
  let now = 1_000_000;
  const waiting: Buffer[] = [];
  const sent: { readonly time: number; readonly payload: Buffer }[] = [];
  const channel: Channel = {
    send(payload) {
      sent.push({ time: now, payload });
      waiting.push(...server(payload, now));
    },
    async receive(until) {
      const payload = waiting.shift();
      if (payload !== undefined) return { payload, mac: "02:00:00:00:00:01" };
      now = Math.max(now, until);
      return undefined;
    },
  };
  let seed = 1;
  const random = () => {
    seed = (seed * 16807) % 2147483647;
    return seed / 2147483647;
  };
  const clock: Clock = { now: () => now, random };
  return { channel, clock, sent };
}

const patience: Patience = { answer: 10_000, resend: 62_000, total: 208_000 };
const address = Address.parse("10.0.0.5");
const serverAddress = Address.parse("10.0.0.1");
const mac = "02:00:00:00:00:0c";
const client: Client4 = {
  mac,
  clientIdentifier: identityOf("c1/lan", "eth0").clientIdentifier,
  hostName: "web-0",
  requested: [1, 3],
  provided: new Map([[60, Buffer.from("blue")]]),
  broadcast: true,
};

function answer(to: Message4, options: Options4, changes: Partial<Message4> = {}): Buffer {
  const given = { server: serverAddress, subnetMask: Address.parse("255.255.255.0"), leaseTime: 60, ...options };
  return encodeMessage4({ ...to, reply: true, yours: address, options: encodeOptions4(given), ...changes });
}

function read(payload: Buffer): { message: Message4; options: Options4 } {
  const message = decodeMessage4(payload);
  if (message === undefined) throw new Error("no message");
  return { message, options: decodeOptions4(message.options) };
}

/** What a server does that has an address. */
function serve(payload: Buffer): Buffer[] {
  const { message, options } = read(payload);
  const isDiscover = options.messageType === MessageType.discover;
  return [answer(message, { messageType: isDiscover ? MessageType.offer : MessageType.ack })];
}

test("an address is discovered, requested and given", async () => {
  const { channel, clock, sent } = lan(serve);
  const grant = await acquire4(channel, client, patience, clock);
  expect(String(readLease4(grant).ip.address)).toBe("10.0.0.5/24");
  expect(grant).toMatchObject({ at: 1_000_000, mac: "02:00:00:00:00:01" });
  const [discover, request] = sent.map(({ payload }) => read(payload));
  expect(discover?.message).toMatchObject({ broadcast: true, mac, seconds: 0 });
  expect(discover?.options).toEqual({
    messageType: MessageType.discover,
    clientIdentifier: Buffer.from("\0c1/lan/eth0"),
    hostName: "web-0",
    requested: Buffer.of(1, 3),
    largestMessage: 1472,
  });
  expect(Buffer.from(discover?.message.options.get(60) ?? []).toString()).toBe("blue");
  expect(request?.options).toMatchObject({
    messageType: MessageType.request,
    requestedAddress: address,
    server: serverAddress,
  });
  expect(request?.message.transaction).toBe(discover?.message.transaction);
});

test("answers to others are none of ours", async () => {
  const { channel, clock, sent } = lan((payload) => {
    const { message, options } = read(payload);
    const type = options.messageType === MessageType.discover ? MessageType.offer : MessageType.ack;
    const strangers = [
      answer(message, { messageType: type }, { transaction: message.transaction ^ 1 }),
      answer(message, { messageType: type }, { mac: "02:00:00:00:00:0d" }),
      answer(message, { messageType: type }, { reply: false }),
      Buffer.from("nonsense"),
      answer(message, {}),
    ];
    return payload === undefined ? [] : strangers;
  });
  await expect(acquire4(channel, client, patience, clock)).rejects.toThrow(
    "Cannot get an IPv4 address: no DHCP server gave one within 208 s",
  );
  expect(sent.every(({ payload }) => read(payload).options.messageType === MessageType.discover)).toBe(true);
});

test("without a server it ends in time, having asked less and less often", async () => {
  const { channel, clock, sent } = lan(() => []);
  await expect(acquire4(channel, client, patience, clock)).rejects.toThrow("within 208 s");
  expect(clock.now()).toBe(1_208_000);
  const times = sent.map(({ time }) => (time - 1_000_000) / 1000);
  expect(times.length).toBeGreaterThan(7);
  expect(times.length).toBeLessThan(11);
  expect(sent.map(({ payload }) => read(payload).message.seconds)).toEqual(times.map(Math.floor));
});

test("a server that refuses is asked again, and named in the end", async () => {
  const { channel, clock } = lan((payload) => {
    const { message, options } = read(payload);
    const refusal = { messageType: MessageType.nak, message: "not yours" };
    return options.messageType === MessageType.discover ? serve(payload) : [answer(message, refusal)];
  });
  await expect(acquire4(channel, client, patience, clock)).rejects.toThrow(
    "within 208 s: server 10.0.0.1 refused 10.0.0.5 (not yours)",
  );
});

test("a server that offers and then is silent is given up for another", async () => {
  const { channel, clock, sent } = lan((payload, time) => {
    const isRequest = read(payload).options.messageType === MessageType.request;
    return isRequest && time < 1_020_000 ? [] : serve(payload);
  });
  const grant = await acquire4(channel, client, patience, clock);
  expect(grant.at).toBeGreaterThanOrEqual(1_010_000);
  const types = sent.map(({ payload }) => read(payload).options.messageType);
  expect(types.filter((type) => type === MessageType.discover).length).toBeGreaterThan(1);
});

test("a lease is prolonged, refused, or nobody answers", async () => {
  const until = 1_010_000;
  const good = lan(serve);
  expect(await renew4(good.channel, client, address, until, good.clock)).toMatchObject({ at: 1_000_000 });
  const { message, options } = read(good.sent[0]?.payload ?? Buffer.alloc(0));
  expect(message).toMatchObject({ client: address, broadcast: false });
  // RFC 2131 table 5: neither the address nor the server is in the options.
  expect([options.requestedAddress, options.server]).toEqual([undefined, undefined]);
  const bad = lan((payload) => [answer(read(payload).message, { messageType: MessageType.nak })]);
  expect(await renew4(bad.channel, client, address, until, bad.clock)).toBe("refused");
  const other = { yours: Address.parse("10.0.0.6") };
  const odd = lan((payload) => [answer(read(payload).message, { messageType: MessageType.ack }, other)]);
  expect(await renew4(odd.channel, client, address, until, odd.clock)).toBeUndefined();
  expect(odd.clock.now()).toBe(until);
});

test("a release says who gives what back to whom", () => {
  const { clock } = lan(() => []);
  const { message, options } = read(release4(client, address, serverAddress, clock));
  expect(message.client).toEqual(address);
  expect(options).toEqual({
    messageType: MessageType.release,
    server: serverAddress,
    clientIdentifier: client.clientIdentifier,
  });
  const own = { ...client, provided: new Map([[61, Buffer.from("me")]]) };
  expect(read(release4(own, address, serverAddress, clock)).options.clientIdentifier).toEqual(Buffer.from("me"));
});

const { duid, iaid } = identityOf("c1/lan", "eth0");
const client6: Client6 = { duid, iaid, hostName: "web-0" };
const address6 = Address.parse("fd00::5");
const serverId = Buffer.from("0003000102000000000001", "hex");

function read6(payload: Buffer): Message6 {
  const message = decodeMessage6(payload);
  if (message === undefined) throw new Error("no message");
  return message;
}

function option(code: number, value: Buffer): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt16BE(code, 0);
  header.writeUInt16BE(value.length, 2);
  return Buffer.concat([header, value]);
}

function answer6(to: Message6, type: number, { valid = 60, status = 0, address = address6 } = {}): Buffer {
  const times = Buffer.alloc(8);
  times.writeUInt32BE(valid / 2, 0);
  times.writeUInt32BE(valid, 4);
  const given = status === 0 ? option(Option6.address, Buffer.concat([address.bytes, times])) : Buffer.alloc(0);
  const told =
    status === 0
      ? Buffer.alloc(0)
      : option(Option6.status, Buffer.concat([Buffer.of(0, status), Buffer.from("none left")]));
  const header = Buffer.alloc(12);
  header.writeUInt32BE(iaid);
  const options: [number, Buffer][] = [
    [Option6.clientIdentifier, Buffer.from(duid)],
    [Option6.serverIdentifier, serverId],
    [Option6.association, Buffer.concat([header, given, told])],
  ];
  return encodeMessage6({ type, transaction: to.transaction, options });
}

test("DHCPv6: an address is solicited, requested and given", async () => {
  const { channel, clock, sent } = lan((payload) => {
    const message = read6(payload);
    return [answer6(message, message.type === MessageType6.solicit ? MessageType6.advertise : MessageType6.reply)];
  });
  const lease = readLease6(await acquire6(channel, client6, patience, clock), iaid);
  expect(String(lease.ip.address)).toBe("fd00::5/128");
  expect(lease.server.equals(serverId)).toBe(true);
  expect(sent.map(({ payload }) => read6(payload).type)).toEqual([MessageType6.solicit, MessageType6.request]);
});

test("DHCPv6: without a server, or an address, it ends in time", async () => {
  const silent = lan(() => []);
  await expect(acquire6(silent.channel, client6, patience, silent.clock)).rejects.toThrow("within 208 s");
  expect(silent.clock.now()).toBe(1_208_000);
  const empty = lan((payload) => [answer6(read6(payload), MessageType6.advertise, { status: 2 })]);
  await expect(acquire6(empty.channel, client6, patience, empty.clock)).rejects.toThrow("a server refused (none left)");
});

test("DHCPv6: a lease is prolonged by its server or any, refused, or nobody answers", async () => {
  const wish = { address: address6, server: serverId, until: 1_010_000 };
  const good = lan((payload) => [answer6(read6(payload), MessageType6.reply)]);
  expect(await renew6(good.channel, client6, wish, good.clock)).toMatchObject({ at: 1_000_000 });
  expect(await renew6(good.channel, client6, { ...wish, server: undefined }, good.clock)).toMatchObject({
    at: 1_000_000,
  });
  expect(good.sent.map(({ payload }) => read6(payload).type)).toEqual([MessageType6.renew, MessageType6.rebind]);
  for (const changes of [{ valid: 0 }, { status: 3 }]) {
    const bad = lan((payload) => [answer6(read6(payload), MessageType6.reply, changes)]);
    expect(await renew6(bad.channel, client6, wish, bad.clock)).toBe("refused");
  }
  const other = lan((payload) => [answer6(read6(payload), MessageType6.reply, { address: Address.parse("fd00::6") })]);
  expect(await renew6(other.channel, client6, wish, other.clock)).toBeUndefined();
});

test("DHCPv6: a release names server, client and address", () => {
  const { type, options } = read6(release6(client6, address6, serverId, lan(() => []).clock));
  expect(type).toBe(MessageType6.release);
  expect(options.map(([code]) => code)).toEqual([1, 2, 8, 3, 6]);
  expect(options[3]?.[1].subarray(16, 32)).toEqual(Buffer.from(address6.bytes));
});

test("who has the same name is the same client; interfaces differ; no identifier is long", () => {
  expect(identityOf("shop/web-0/lan", "eth0")).toEqual(identityOf("shop/web-0/lan", "eth0"));
  const [one, other] = ["eth0", "net1"].map((ifname) => identityOf("shop/web-0/lan", ifname));
  expect(one?.duid).toEqual(other?.duid);
  expect(one?.iaid).not.toBe(other?.iaid);
  const long = ["a", "b"].map((end) => identityOf(`${"0".repeat(300)}${end}`, "eth0").clientIdentifier);
  expect(long.map(({ length }) => length)).toEqual([64, 64]);
  expect(long[0]).not.toEqual(long[1]);
  expect(identityOf("x", "eth0").duid.length).toBe(18);
});
