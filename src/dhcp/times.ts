/** When to do what about a lease, in milliseconds since 1970; Infinity: never. */
export interface Times {
  /** T1: the server that gave it is asked to prolong it. */
  readonly renew: number;
  /** T2: any server is asked. */
  readonly rebind: number;
  /** The address may not be used any more. */
  readonly expire: number;
}

export type Phase = "bound" | "renewing" | "rebinding" | "expired";

/** Of the field that says so: for ever. */
const FOREVER = 0xffffffff;
/** RFC 2131 section 4.4.5. */
const usual = { renew: 0.5, rebind: 0.875 };
/** Between two attempts, where more time is left. */
const SHORTEST_PAUSE_MS = 10_000;

/**
 * The times of a lease that was asked for at `at`.
 *
 * @param told by the server, in seconds; those of T1 and T2 that make no sense give way to the usual parts.
 */
export function leaseTimes(
  at: number,
  told: { lease: number; renew?: number | undefined; rebind?: number | undefined },
): Times {
  const { lease } = told;
  if (lease === FOREVER) return { renew: Infinity, rebind: Infinity, expire: Infinity };
  const { renew = lease * usual.renew, rebind = lease * usual.rebind } = told;
  const sensible = renew > 0 && renew <= rebind && rebind <= lease;
  const after = (seconds: number) => at + seconds * 1000;
  return {
    renew: after(sensible ? renew : lease * usual.renew),
    rebind: after(sensible ? rebind : lease * usual.rebind),
    expire: after(lease),
  };
}

export function phaseAt({ renew, rebind, expire }: Times, now: number): Phase {
  if (now >= expire) return "expired";
  if (now >= rebind) return "rebinding";
  return now >= renew ? "renewing" : "bound";
}

/** When the next phase begins. */
export function phaseEnd(times: Times, now: number): number {
  const { bound, renewing, rebinding } = { bound: times.renew, renewing: times.rebind, rebinding: times.expire };
  return { bound, renewing, rebinding, expired: now }[phaseAt(times, now)];
}

/** When to try after an attempt at `last`: with half of the phase's rest over, or in the next phase (RFC 2131 section 4.4.5). */
export function nextAttempt(times: Times, last: number): number {
  const end = phaseEnd(times, last);
  return Math.min(end, last + Math.max((end - last) / 2, SHORTEST_PAUSE_MS));
}

/** How long to wait for an answer before a message is sent again, in milliseconds: as the Go suite does. */
export function* resendPauses(longest: number, random: () => number): Generator<number, never> {
  const spread = (milliseconds: number) => milliseconds + (random() * 2 - 1) * 1000;
  for (let i = 0; i < 4; i++) yield spread(2000);
  for (let pause = 8000; ; pause = Math.min(pause * 2, longest)) yield spread(Math.min(pause, longest));
}

/** As {@link resendPauses}, for DHCPv6: twice as long each time (RFC 8415 section 15). */
export function* resendPauses6(longest: number, random: () => number): Generator<number, never> {
  for (let pause = 1000; ; pause = Math.min(pause * 2, longest)) yield pause * (0.9 + random() * 0.2);
}
