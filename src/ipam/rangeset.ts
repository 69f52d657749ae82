import { CniError, ErrorCode } from "../cni/error.ts";
import { type Version, versionAtLeast } from "../cni/version.ts";
import type { Address, Family } from "../ip/address.ts";
import { invalidRange, type Range, resolveRange, spansOf } from "./range.ts";
import type { RangeConfig } from "./schema.ts";
import { findOverlap, formatSpan, type Span, spanContains, spanSize } from "./span.ts";

/** Ranges that stand in for each other: an attachment gets one address out of each set. */
export type RangeSet = readonly Range[];

/** A range set as it stands in a configuration. */
export interface RangeSetConfig {
  readonly path: string;
  readonly ranges: readonly { readonly path: string; readonly range: RangeConfig }[];
}

/**
 * Checks range sets, each alone and against the others.
 *
 * @throws CniError (invalidConfig).
 */
export function resolveRangeSets(configs: readonly RangeSetConfig[], version: Version): RangeSet[] {
  const sets = configs.map((config, i) => inSet(i, () => resolveRangeSet(config)));
  const overlap = findOverlap(sets.flatMap((set, i) => set.map(({ start, end }) => ({ start, end, set, i }))));
  if (overlap !== undefined) {
    const [{ i }, { set, i: j }] = overlap;
    const allowed = `addresses that ${configs[i]?.path} does not hold`;
    throw invalidRange(configs[j]?.path ?? "", formatRangeSet(set), allowed, `range set ${i} overlaps with ${j}`);
  }
  const several = ([4, 6] as const).some((family) => sets.filter((set) => familyOf(set) === family).length > 1);
  if (several && !versionAtLeast(version, "0.3.0")) {
    throw new CniError(
      ErrorCode.invalidConfig,
      `Cannot use ipam.ranges: CNI version ${version} does not support more than 1 address per family`,
      { details: `cniVersion: found "${version}", allowed: 0.3.0 or later, or one range set of each family` },
    );
  }
  return sets;
}

/** The range of the set in which an address may be asked for. */
export function rangeFor(set: RangeSet, address: Address): Range | undefined {
  return set.find((range) => spanContains(range, address));
}

/** How many addresses the set has to give to those who ask for none in particular. */
export function capacity(set: RangeSet): bigint {
  return set.flatMap(spansOf).reduce((sum, span) => sum + spanSize(span), 0n);
}

/**
 * What the set has to give, in the order in which it is tried: from the address after `last` on, then from the set's
 * first address to `last`, so that it comes last of all. With no `last`, or one that the set does not hold, from the first.
 */
export function spansFrom(set: RangeSet, last: Address | undefined): Span[] {
  const at = last === undefined ? -1 : set.findIndex((range) => spanContains(range, last));
  const current = set[at];
  if (current === undefined || last === undefined) return set.flatMap(spansOf);
  const spans = spansOf(current);
  const after = spans.flatMap(({ start, end }) =>
    end.value <= last.value ? [] : [{ start: start.value > last.value ? start : last.plus(1n), end }],
  );
  const upTo = spans.flatMap(({ start, end }) =>
    start.value > last.value ? [] : [{ start, end: end.value < last.value ? end : last }],
  );
  return [...after, ...set.slice(at + 1).flatMap(spansOf), ...set.slice(0, at).flatMap(spansOf), ...upTo];
}

export function formatRangeSet(set: RangeSet): string {
  return set.map(formatSpan).join(",");
}

function familyOf(set: RangeSet): Family | undefined {
  return set[0]?.subnet.family;
}

function resolveRangeSet({ path, ranges }: RangeSetConfig): RangeSet {
  if (ranges.length === 0) throw invalidRange(path, [], "at least one range", "empty range set");
  const set: Range[] = [];
  for (const config of ranges) {
    const range = resolveRange(config.range, config.path);
    const [first] = set;
    if (first !== undefined && first.subnet.family !== range.subnet.family) {
      const allowed = `an IPv${first.subnet.family} subnet; the other family in a range set of its own`;
      throw invalidRange(`${config.path}.subnet`, config.range.subnet, allowed, "mixed address families");
    }
    set.push(range);
  }
  const overlap = findOverlap(set);
  if (overlap !== undefined) {
    const [one, other] = overlap;
    const reason = `subnets ${formatSpan(one)} and ${formatSpan(other)} overlap`;
    const at = ranges[set.indexOf(other)]?.path ?? path;
    throw invalidRange(at, formatSpan(other), "addresses of no other range", reason);
  }
  return set;
}

function inSet<Value>(i: number, resolve: () => Value): Value {
  try {
    return resolve();
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    const message = error.message.replace(": ", `: invalid range set ${i}: `);
    throw new CniError(error.code, message, { details: error.details });
  }
}
