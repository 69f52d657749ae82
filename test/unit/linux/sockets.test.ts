import { mkdtempSync, readSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Address } from "../../../src/ip/address.ts";
import { openUdpSocket, receiveDatagram, sendDatagram } from "../../../src/linux/datagramsocket.ts";
import { PollEvent, poll } from "../../../src/linux/poll.ts";
import { acceptUnix, connectUnix, listenUnix } from "../../../src/linux/unixsocket.ts";

function scratch(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "sockets-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

test("a Unix socket has its mode from the start, and carries what is written", () => {
  using folder = scratch();
  const path = join(folder.path, "socket");
  expect(() => connectUnix(path)).toThrow("No such file or directory");
  using listener = listenUnix(path, 0o660);
  expect(statSync(path).mode & 0o777).toBe(0o660);
  expect(() => acceptUnix(listener)).toThrow("Resource temporarily unavailable");
  using client = connectUnix(path);
  expect(poll([listener.fd], PollEvent.in, 1000)).toEqual([listener.fd]);
  using server = acceptUnix(listener);
  expect(poll([server.fd, client.fd], PollEvent.in, 0)).toEqual([]);
  writeSync(client.fd, "hello");
  expect(poll([listener.fd, server.fd, client.fd], PollEvent.in, 1000)).toEqual([server.fd]);
  const buffer = Buffer.alloc(16);
  expect(buffer.toString("utf8", 0, readSync(server.fd, buffer))).toBe("hello");
  expect(() => listenUnix(path, 0o660)).toThrow("Address already in use");
});

test("poll ends in time, and tells of an end that has gone", () => {
  using folder = scratch();
  const path = join(folder.path, "socket");
  using listener = listenUnix(path, 0o600);
  const client = connectUnix(path);
  using server = acceptUnix(listener);
  const start = performance.now();
  expect(poll([server.fd], PollEvent.in, 50)).toEqual([]);
  expect(performance.now() - start).toBeGreaterThan(40);
  client[Symbol.dispose]();
  expect(poll([server.fd], PollEvent.in, 1000)).toEqual([server.fd]);
});

test.each(["127.0.0.1", "::1"])("UDP datagrams by one link: %s", (text) => {
  const address = Address.parse(text);
  const link = { name: "lo", index: 1 };
  using one = openUdpSocket(link, { address, port: 40068 });
  using other = openUdpSocket(link, { address, port: 40067 });
  expect(receiveDatagram(other)).toBeUndefined();
  sendDatagram(one, Buffer.from("first"), { address, port: 40067 }, 1);
  sendDatagram(one, Buffer.alloc(0), { address, port: 40067 }, 1);
  poll([other.fd], PollEvent.in, 1000);
  expect(receiveDatagram(other)?.toString()).toBe("first");
  expect(receiveDatagram(other)?.length).toBe(0);
  expect(receiveDatagram(other)).toBeUndefined();
});
