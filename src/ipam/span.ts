import type { Address } from "../ip/address.ts";

/** Addresses from `start` to `end`, both included. */
export interface Span {
  readonly start: Address;
  readonly end: Address;
}

export function spanContains({ start, end }: Span, address: Address): boolean {
  return address.family === start.family && address.value >= start.value && address.value <= end.value;
}

/** Two that have an address in common, in the order in which they were given. */
export function findOverlap<Item extends Span>(spans: readonly Item[]): [Item, Item] | undefined {
  const sorted = spans.toSorted((a, b) => a.start.family - b.start.family || byStart(a, b));
  for (const [i, one] of sorted.entries()) {
    const next = sorted[i + 1];
    if (next === undefined || !spanContains(one, next.start)) continue;
    return spans.indexOf(one) < spans.indexOf(next) ? [one, next] : [next, one];
  }
  return undefined;
}

export function spanSize({ start, end }: Span): bigint {
  return end.value - start.value + 1n;
}

export function formatSpan({ start, end }: Span): string {
  return `${start}-${end}`;
}

/** For sorting spans of one family. */
export function byStart(a: Span, b: Span): number {
  return Number(a.start.value > b.start.value) - Number(a.start.value < b.start.value);
}
