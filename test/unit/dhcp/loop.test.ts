import { mkdtempSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createLoop, type Loop } from "../../../cmd/dhcp/loop.ts";
import { acceptUnix, connectUnix, listenUnix } from "../../../src/linux/unixsocket.ts";

/** Runs a loop for as long as `body` takes. */
async function withLoop(body: (loop: Loop) => Promise<void>): Promise<void> {
  const loop = createLoop();
  const done = new AbortController();
  const running = loop.run(done.signal);
  try {
    await body(loop);
  } finally {
    done.abort();
    await running;
  }
}

function pair() {
  const folder = mkdtempSync(join(tmpdir(), "loop-"));
  using listener = listenUnix(join(folder, "socket"), 0o600);
  const near = connectUnix(join(folder, "socket"));
  const far = acceptUnix(listener);
  rmSync(folder, { recursive: true });
  return { near, far };
}

test("those who wait are woken by what they wait for, and by nothing else", async () => {
  const { near, far } = pair();
  await withLoop(async (loop) => {
    const order: string[] = [];
    const note = (name: string) => (value: unknown) => order.push(`${name} ${value}`);
    const start = Date.now();
    const waits = [
      loop.readable([near.fd], start + 60).then(note("near")),
      loop.readable([far.fd, near.fd], Infinity).then(note("far")),
      loop.sleep(start + 30).then(note("sleep")),
    ];
    void loop.sleep(start + 100).then(() => writeSync(near.fd, "x"));
    await Promise.all(waits);
    expect(order).toEqual(["sleep undefined", "near false", "far true"]);
    expect(Date.now() - start).toBeGreaterThanOrEqual(90);
    expect(await loop.readable([far.fd], 0)).toBe(true);
  });
  near[Symbol.dispose]();
  far[Symbol.dispose]();
});

test("a wait ends with its signal's reason", async () => {
  const { near, far } = pair();
  await withLoop(async (loop) => {
    const stop = new AbortController();
    const waits = [loop.readable([far.fd], Infinity, stop.signal), loop.sleep(Infinity, stop.signal)];
    const ended = Promise.allSettled(waits);
    void loop.sleep(Date.now() + 20).then(() => stop.abort(new Error("enough")));
    expect((await ended).map((outcome) => outcome.status === "rejected" && outcome.reason.message)).toEqual([
      "enough",
      "enough",
    ]);
    await expect(loop.sleep(0, stop.signal)).rejects.toThrow("enough");
  });
  near[Symbol.dispose]();
  far[Symbol.dispose]();
});

test("signals are served while nothing else happens", async () => {
  await withLoop(async (loop) => {
    const came = new Promise((resolve) => process.once("SIGUSR2", resolve));
    const late = loop.sleep(Date.now() + 5000);
    process.kill(process.pid, "SIGUSR2");
    const first = await Promise.race([came.then(() => "signal"), late.then(() => "time")]);
    expect(first).toBe("signal");
  });
});
