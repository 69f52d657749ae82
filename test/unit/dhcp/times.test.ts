import fc from "fast-check";
import { expect, test } from "vitest";
import { leaseTimes, nextAttempt, phaseAt, phaseEnd, resendPauses, resendPauses6 } from "../../../src/dhcp/times.ts";

const hour = leaseTimes(0, { lease: 3600 });

test("the usual times: half of the lease, seven eighths, all of it", () => {
  expect(hour).toEqual({ renew: 1_800_000, rebind: 3_150_000, expire: 3_600_000 });
  expect(leaseTimes(1000, { lease: 100, renew: 10, rebind: 20 })).toEqual({
    renew: 11_000,
    rebind: 21_000,
    expire: 101_000,
  });
  expect(leaseTimes(0, { lease: 0xffffffff, renew: 10 })).toEqual({
    renew: Infinity,
    rebind: Infinity,
    expire: Infinity,
  });
});

test("times that make no sense give way to the usual ones", () => {
  for (const [renew, rebind] of [
    [0, 3000],
    [3000, 2000],
    [1800, 4000],
    [0xffffffff, 0xffffffff],
  ] as const) {
    expect(leaseTimes(0, { lease: 3600, renew, rebind })).toEqual(hour);
  }
});

test("phases follow each other", () => {
  const at = [0, 1_800_000, 3_150_000, 3_600_000].map((now) => [phaseAt(hour, now - 1), phaseAt(hour, now)]);
  expect(at.slice(1)).toEqual([
    ["bound", "renewing"],
    ["renewing", "rebinding"],
    ["rebinding", "expired"],
  ]);
});

test("attempts come closer to each other, and one begins each phase", () => {
  const attempts: number[] = [];
  for (let now = hour.renew; phaseAt(hour, now) !== "expired"; now = nextAttempt(hour, now)) attempts.push(now / 1000);
  expect(attempts.slice(0, 3)).toEqual([1800, 2475, 2812.5]);
  expect(attempts).toContain(3150);
  expect(attempts.length).toBeLessThan(20);
});

test("however short a lease is, attempts go on and come to an end", () => {
  const lease = fc.integer({ min: 0, max: 100_000 });
  const maybe = fc.option(fc.nat(100_000), { nil: undefined });
  fc.assert(
    fc.property(lease, maybe, maybe, (lease, renew, rebind) => {
      const times = leaseTimes(0, { lease, renew, rebind });
      let tries = 0;
      for (let now = times.renew; phaseAt(times, now) !== "expired"; now = nextAttempt(times, now)) {
        expect(phaseEnd(times, now)).toBeGreaterThan(now);
        expect(nextAttempt(times, now)).toBeGreaterThan(now);
        expect(++tries).toBeLessThan(60);
      }
    }),
  );
});

test("messages are sent again after 2 s, four times, then after twice as long each time", () => {
  const first = <T>(pauses: Generator<T>, count: number) => Array.from({ length: count }, () => pauses.next().value);
  expect(
    first(
      resendPauses(62_000, () => 0.5),
      9,
    ),
  ).toEqual([2000, 2000, 2000, 2000, 8000, 16_000, 32_000, 62_000, 62_000]);
  expect(
    first(
      resendPauses(62_000, () => 0),
      5,
    ),
  ).toEqual([1000, 1000, 1000, 1000, 7000]);
  expect(
    first(
      resendPauses6(5000, () => 0.5),
      5,
    ),
  ).toEqual([1000, 2000, 4000, 5000, 5000]);
});
