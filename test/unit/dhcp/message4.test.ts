import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeFrame4, encodeFrame } from "../../../src/dhcp/frame.ts";
import { readLease4 } from "../../../src/dhcp/lease4.ts";
import { decodeMessage4, encodeMessage4, type Message4, MessageType } from "../../../src/dhcp/message4.ts";
import { decodeOptions4, encodeOptions4 } from "../../../src/dhcp/options4.ts";
import { Address } from "../../../src/ip/address.ts";
import { Prefix } from "../../../src/ip/prefix.ts";
import { frames } from "./captures.ts";

type Name = keyof typeof frames;

function frame(name: Name) {
  const decoded = decodeFrame4(frames[name]);
  if (decoded === undefined) throw new Error(`no datagram in ${name}`);
  return decoded;
}

function message(name: Name): Message4 {
  const decoded = decodeMessage4(frame(name).payload);
  if (decoded === undefined) throw new Error(`no message in ${name}`);
  return decoded;
}

const names = Object.keys(frames) as Name[];

test.each(names)("the frame of %s: from whom, to whom, whole", (name) => {
  const { fromMac, toMac, from, to } = frame(name);
  const client = { mac: "02:00:00:00:00:0c", port: 68 };
  const server = { mac: "02:00:00:00:00:01", port: 67 };
  const [sender, receiver] = name.startsWith("dhclient")
    ? [client, { ...server, mac: "ff:ff:ff:ff:ff:ff" }]
    : [server, client];
  expect([fromMac, from.port, toMac, to.port]).toEqual([sender.mac, sender.port, receiver.mac, receiver.port]);
});

test.each(["dhclient: discover", "dhclient: request"] as const)("what %s sent is what we send", (name) => {
  expect(encodeMessage4(message(name)).toString("hex")).toBe(frame(name).payload.toString("hex"));
  expect(encodeFrame(frame(name)).toString("hex")).toBe(frames[name].toString("hex"));
});

test("what a client asks for", () => {
  const { reply, mac, broadcast, options } = message("dhclient: request");
  expect({ reply, mac, broadcast }).toEqual({ reply: false, mac: "02:00:00:00:00:0c", broadcast: false });
  expect(decodeOptions4(options)).toEqual({
    messageType: MessageType.request,
    requestedAddress: Address.parse("10.50.0.105"),
    server: Address.parse("10.50.0.1"),
    hostName: "web-0",
    clientIdentifier: Buffer.from("\0c1"),
  });
});

test("a lease of dnsmasq: option 121 alone tells the routes", () => {
  const { ip, routes, dns, mtu, times, server, options } = readLease4({
    message: frame("dnsmasq: ack").payload,
    at: 1_000_000,
  });
  expect(ip).toEqual({ address: Prefix.parse("10.50.0.105/24"), gateway: Address.parse("10.50.0.1") });
  expect(routes).toEqual([
    { dst: Prefix.parse("10.60.0.0/16"), gw: Address.parse("10.50.0.9") },
    { dst: Prefix.all(4), gw: Address.parse("10.50.0.1") },
  ]);
  expect(dns).toEqual({ domain: "example.org", search: ["eng.example.org", "example.org"] });
  expect(mtu).toBe(1400);
  expect(String(server)).toBe("10.50.0.1");
  expect(times).toEqual({ renew: 2_800_000, rebind: 4_150_000, expire: 4_600_000 });
  expect(options.timeServers).toEqual([Address.parse("10.50.0.42")]);
  expect(options.hostName).toBe("web-0");
});

test("a lease of ISC's server", () => {
  const { ip, routes, dns, mtu, times } = readLease4({ message: frame("dhcpd: ack").payload, at: 0 }, 7);
  expect(String(ip.address)).toBe("10.50.0.100/24");
  expect(routes).toEqual([{ dst: Prefix.all(4), gw: Address.parse("10.50.0.1"), priority: 7 }]);
  expect(dns).toEqual({
    nameservers: ["10.50.0.53", "10.50.0.54"],
    domain: "example.org",
    search: ["a.example.org", "example.org"],
  });
  expect(mtu).toBe(1450);
  expect(times).toEqual({ renew: 300_000, rebind: 525_000, expire: 600_000 });
});

test("an acknowledgement that an address cannot be used with is refused", () => {
  const base = message("dhcpd: ack");
  const without = (...codes: number[]) => {
    const options = new Map([...base.options].filter(([code]) => !codes.includes(code)));
    return { message: encodeMessage4({ ...base, options }), at: 0 };
  };
  expect(() => readLease4(without(1))).toThrow("no subnet mask (option 1)");
  expect(() => readLease4(without(54))).toThrow("no address and server");
  const mask = encodeOptions4({ subnetMask: Address.parse("255.0.255.0") });
  const odd = encodeMessage4({ ...base, options: new Map([...base.options, ...mask]) });
  expect(() => readLease4({ message: odd, at: 0 })).toThrow("a subnet mask of 255.0.255.0");
});

test("routes of option 33 come before the default route, classes tell their lengths; it may not hold the default route", () => {
  const routers = (destination: string, router: string) => ({
    destination: Prefix.parse(destination),
    router: Address.parse(router),
  });
  const options = encodeOptions4({
    subnetMask: Address.parse("255.255.255.0"),
    server: Address.parse("10.0.0.1"),
    routers: [Address.parse("10.0.0.1")],
    staticRoutes: [
      routers("198.51.100.0/24", "10.0.0.7"),
      routers("172.16.0.0/16", "10.0.0.8"),
      routers("0.0.0.0/0", "10.0.0.9"),
    ],
  });
  const mac = "02:00:00:00:00:01";
  const message = encodeMessage4({ reply: true, transaction: 1, mac, yours: Address.parse("10.0.0.5"), options });
  const { routes } = readLease4({ message, at: 0 });
  expect(routes.map(({ dst, gw }) => `${dst} ${gw}`)).toEqual([
    "198.51.100.0/24 10.0.0.7",
    "172.16.0.0/16 10.0.0.8",
    "0.0.0.0/0 10.0.0.1",
  ]);
});

test("names that would break a resolver's configuration are left out", () => {
  const raw = (code: number, text: string) => decodeOptions4(new Map([[code, Buffer.from(text)]]));
  expect(raw(15, "example.org\nnameserver 192.0.2.66")).toEqual({});
  expect(raw(15, "example.org \0")).toEqual({ domainName: ["example.org"] });
  expect(raw(15, "a.example b.example")).toEqual({ domainName: ["a.example", "b.example"] });
  expect(raw(12, "web\x1b[2J")).toEqual({});
  expect(raw(119, "\x03a b\x00\x01c\x00")).toEqual({ domainSearch: ["c"] });
});

test("a value that does not fit into one option goes on in others, and is read from all fields that hold options", () => {
  const long = Buffer.alloc(600, 7);
  const options = new Map([[224, long]]);
  const encoded = encodeMessage4({ transaction: 1, mac: "02:00:00:00:00:01", options });
  expect(decodeMessage4(encoded)?.options.get(224)).toEqual(long);
  const overloaded = encodeMessage4({
    transaction: 1,
    mac: "02:00:00:00:00:01",
    options: new Map([[52, Buffer.of(3)]]),
  });
  overloaded.set([12, 2, 104, 105, 255], 108);
  overloaded.set([12, 1, 33, 255], 44);
  expect(decodeOptions4(decodeMessage4(overloaded)?.options ?? new Map()).hostName).toBe("hi!");
});

test("whatever comes from a network is read without failing", () => {
  const captured = fc.constantFrom(...Object.values(frames));
  const damaged = fc.tuple(captured, fc.array(fc.tuple(fc.nat(500), fc.nat(255)), { maxLength: 30 }), fc.nat(500));
  const input = fc.oneof(
    fc.uint8Array({ maxLength: 700 }),
    damaged.map(([bytes, changes, length]) => {
      const copy = Buffer.from(bytes);
      for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
      return copy.subarray(0, Math.max(length, 60));
    }),
  );
  fc.assert(
    fc.property(input, (bytes) => {
      const buffer = Buffer.from(bytes);
      decodeFrame4(buffer);
      for (const payload of [buffer, buffer.subarray(42)]) {
        const decoded = decodeMessage4(payload);
        if (decoded === undefined) continue;
        decodeOptions4(decoded.options);
        encodeMessage4(decoded);
      }
    }),
    { numRuns: 3000 },
  );
});

test("every option is read without failing, and what is written is read again", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 254 }), fc.uint8Array({ maxLength: 300 }), (code, value) => {
      const read = decodeOptions4(new Map([[code, value]]));
      expect(decodeOptions4(encodeOptions4(read))).toEqual(read);
    }),
    { numRuns: 5000 },
  );
});

test("a frame keeps what it holds, in both families, and a damaged one is not read", () => {
  const end = (address: string, port: number) => ({ address: Address.parse(address), port });
  const [fromMac, toMac] = ["02:00:00:00:00:01", "02:00:00:00:00:02"];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(), fc.integer({ min: 1, max: 255 }), (data, at, flip) => {
      const payload = Buffer.from(data);
      const frame = { fromMac, toMac, from: end("10.0.0.1", 67), to: end("10.0.0.2", 68), payload };
      const encoded = encodeFrame(frame);
      expect(decodeFrame4(encoded)).toEqual(frame);
      if (payload.length === 0) return;
      const place = 42 + (at % payload.length);
      encoded[place] = (encoded[place] ?? 0) ^ flip;
      expect(decodeFrame4(encoded)).toBeUndefined();
    }),
  );
  const frame6 = encodeFrame({
    fromMac,
    toMac,
    from: end("fe80::1", 546),
    to: end("ff02::1:2", 547),
    payload: Buffer.from("x"),
  });
  expect(frame6.subarray(12).toString("hex")).toBe(
    `86dd6000000000091180${"fe800000000000000000000000000001"}${"ff020000000000000000000000010002"}022202230009${checksumOfTheSame}78`,
  );
});

test("a frame with a tag is one without, and the tag", () => {
  const untagged = frames["dhclient: request"];
  const tagged = Buffer.concat([untagged.subarray(0, 12), Buffer.from("810001f4", "hex"), untagged.subarray(12)]);
  expect(encodeFrame({ ...frame("dhclient: request"), vlan: 500 })).toEqual(tagged);
});

/** By hand: the one's complement of the sum of pseudo-header, header and payload. */
const checksumOfTheSame = (() => {
  const words = [0xfe80, 0x0001, 0xff02, 0x0001, 0x0002, 9, 17, 546, 547, 9, 0x7800];
  const sum = words.reduce((total, word) => total + word, 0);
  return (~((sum & 0xffff) + (sum >> 16)) & 0xffff).toString(16).padStart(4, "0");
})();
