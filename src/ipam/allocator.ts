import { CniError, ErrorCode } from "../cni/error.ts";
import type { IPConfig } from "../cni/result.ts";
import type { Address } from "../ip/address.ts";
import { Prefix } from "../ip/prefix.ts";
import { spansOf } from "./range.ts";
import { capacity, formatRangeSet, type RangeSet, rangeFor, spansFrom } from "./rangeset.ts";
import { spanContains } from "./span.ts";

/** Where addresses are kept: what the allocator needs of it. */
export interface Reservations<Owner> {
  /** The first address from `address` on that is not reserved; undefined when the family ends before one. */
  nextFree(address: Address): Address | undefined;
  /** Makes the address the owner's, unless somebody has it; then false. */
  reserve(address: Address, owner: Owner): boolean;
  release(address: Address): void;
  /** What this owner has. */
  heldBy(owner: Owner): readonly Address[];
  /** The address that was given last out of range set number `set`. */
  lastReserved(set: number): Address | undefined;
  setLastReserved(set: number, address: Address): void;
  /** Makes sure of what nextFree says, before somebody is told that nothing is free; false when that was sure already. */
  recheck(): boolean;
}

/** Which free address comes next: the one after that given last, or the lowest. */
export type Order = "roundRobin" | "lowestFree";

export interface AddressRequest<Owner> {
  readonly owner: Owner;
  /** The owner in words, for errors. */
  readonly ownerName: string;
  readonly order: Order;
  /** For each range set the address to give and no other, as {@link assignRequests} has it. */
  readonly wanted: readonly (Address | undefined)[];
  /** The address to prefer for a range set, if it is free. */
  readonly preferred?: (set: number) => Address | undefined;
}

/**
 * Finds for each address asked for the range set to give it from: the first that holds it, and holds none before it.
 *
 * @throws CniError (invalidConfig) when one can never be given.
 */
export function assignRequests(sets: readonly RangeSet[], requested: readonly Address[]): (Address | undefined)[] {
  const left = new Map(requested.map((address) => [address.toString(), address]));
  const wanted = sets.map((set, i) => {
    const address = left.values().find((candidate) => rangeFor(set, candidate) !== undefined);
    if (address === undefined) return undefined;
    left.delete(address.toString());
    checkGivable(set, i, address);
    return address;
  });
  if (left.size === 0) return wanted;
  throw new CniError(ErrorCode.invalidConfig, `Cannot allocate all requested IPs: ${[...left.keys()].join(" ")}`, {
    details: `allowed: one address out of each range set: ${sets.map(formatRangeSet).join("; ")}`,
  });
}

function checkGivable(set: RangeSet, i: number, address: Address): void {
  const range = rangeFor(set, address);
  const isGateway = range?.gateway.equals(address);
  if (!isGateway && !range?.excluded.some((span) => spanContains(span, address))) return;
  const reason = `requested ip ${address} is ${isGateway ? "subnet's gateway" : "excluded"}`;
  const details = `allowed: any other address of ${formatRangeSet(set)}`;
  throw cannotAllocate(ErrorCode.invalidConfig, i, reason, details);
}

/**
 * Reserves one address out of each range set, or none at all.
 *
 * @throws CniError (tryAgainLater) when a range set is exhausted or an address asked for is taken, (internal) when the
 * owner has an address already and did not ask for another.
 */
export function allocate<Owner>(
  sets: readonly RangeSet[],
  request: AddressRequest<Owner>,
  reservations: Reservations<Owner>,
): IPConfig[] {
  using undo = new DisposableStack();
  const ips = sets.map((set, i) => {
    const address = reserveFrom(set, i, request, reservations);
    undo.defer(() => reservations.release(address));
    reservations.setLastReserved(i, address);
    return ipConfig(set, address);
  });
  undo.move();
  return ips;
}

function reserveFrom<Owner>(
  set: RangeSet,
  i: number,
  request: AddressRequest<Owner>,
  reservations: Reservations<Owner>,
): Address {
  const { owner, ownerName, order } = request;
  const wanted = request.wanted[i];
  if (wanted !== undefined) {
    if (reservations.reserve(wanted, owner)) return wanted;
    const reason = `requested IP address ${wanted} is not available in range set ${formatRangeSet(set)}`;
    throw cannotAllocate(ErrorCode.tryAgainLater, i, reason, "another attachment has it");
  }
  const held = reservations.heldBy(owner).find((address) => rangeFor(set, address) !== undefined);
  if (held !== undefined) {
    const reason = `${held} has been allocated to ${ownerName}, duplicate allocation is not allowed`;
    throw cannotAllocate(ErrorCode.internal, i, reason, "DEL releases it");
  }
  const preferred = request.preferred?.(i);
  if (preferred !== undefined && isGivable(set, preferred) && reservations.reserve(preferred, owner)) return preferred;
  const last = order === "roundRobin" ? reservations.lastReserved(i) : undefined;
  const next = () => reserveNext(set, last, owner, reservations);
  const address = next() ?? (reservations.recheck() ? next() : undefined);
  if (address !== undefined) return address;
  const reason = `no IP addresses available in range set: ${formatRangeSet(set)}`;
  throw cannotAllocate(ErrorCode.tryAgainLater, i, reason, `all ${capacity(set)} addresses are reserved`);
}

/** Whether the set has an address for somebody who asks for none in particular. */
export function hasFree(set: RangeSet, reservations: Pick<Reservations<never>, "nextFree">): boolean {
  return spansFrom(set, undefined).some((span) => {
    const free = reservations.nextFree(span.start);
    return free !== undefined && spanContains(span, free);
  });
}

function reserveNext<Owner>(
  set: RangeSet,
  last: Address | undefined,
  owner: Owner,
  reservations: Reservations<Owner>,
): Address | undefined {
  for (const span of spansFrom(set, last)) {
    for (let { start } = span; ; ) {
      const free = reservations.nextFree(start);
      if (free === undefined || !spanContains(span, free)) break;
      if (reservations.reserve(free, owner)) return free;
      if (free.equals(span.end)) break;
      start = free.plus(1n);
    }
  }
  return undefined;
}

function isGivable(set: RangeSet, address: Address): boolean {
  const range = rangeFor(set, address);
  return range !== undefined && spansOf(range).some((span) => spanContains(span, address));
}

function ipConfig(set: RangeSet, address: Address): IPConfig {
  const range = rangeFor(set, address);
  if (range === undefined) throw new RangeError(`No range holds ${address}`);
  return { address: new Prefix(address, range.subnet.length), gateway: range.gateway };
}

function cannotAllocate(code: number, i: number, reason: string, details?: string): CniError {
  return new CniError(code, `Cannot allocate for range ${i}: ${reason}`, { details });
}
