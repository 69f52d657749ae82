import { CniError, ErrorCode } from "../cni/error.ts";
import type { Interface } from "../cni/result.ts";
import { NetlinkError } from "../netlink/error.ts";
import { addRedirect, deleteRedirect, listFilters } from "../rtnetlink/filter.ts";
import { addLink, deleteLink, expectLink, getLink, type Link, LinkFlag, setLink } from "../rtnetlink/link.ts";
import {
  addIngress,
  addTokenBucket,
  deleteQdisc,
  getQdisc,
  QdiscParent,
  settledBucket,
  type TokenBucket,
} from "../rtnetlink/qdisc.ts";
import { mismatch } from "./check.ts";
import { findLimiter, ifbName } from "./limiter.ts";
import { madeUpMac, networkMark, type Owner, ownerMark } from "./owner.ts";
import type { NetworkStack } from "./stack.ts";

/** Rates in bits per second, bursts in bits, as the container sees them: ingress is what comes to it. */
export interface Limits {
  readonly ingress?: Limit;
  readonly egress?: Limit;
}

/** Whether there is anything to limit. */
export function hasLimits({ ingress, egress }: Limits): boolean {
  return ingress !== undefined || egress !== undefined;
}

export interface Limit {
  readonly rate: number;
  readonly burst: number;
}

/** How long a packet waits at most, in seconds: the Go suite's. */
const latency = 0.025;
/** Handle `1:` of our token buckets; that of a link's default is 0. */
const bucketHandle = 0x10000;
/** Of the filter that leads what a container sends through its IFB. */
const priority = 1;

/**
 * Limits the rates of a container by the host's end of its veth pair. What is there from an earlier ADD is replaced;
 * disposing of the result takes the limits back.
 *
 * @returns with `interfaces`: what was added for it.
 * @throws CniError when the link has a queueing discipline of somebody else's.
 */
export function limitRates(
  host: NetworkStack,
  owner: Owner,
  link: Link,
  { ingress, egress }: Limits,
): Disposable & { readonly interfaces: Interface[] } {
  using undo = new DisposableStack();
  removeLimits(host, owner, link);
  undo.defer(() => removeLimits(host, owner, link));
  if (ingress !== undefined) limitLink(host, link, ingress);
  const interfaces = egress === undefined ? [] : [limitEgress(host, owner, link, egress)];
  const made = undo.move();
  return { interfaces, [Symbol.dispose]: () => made.dispose() };
}

/** As {@link limitRates}, by the name of a link; nothing is done where there is nothing to limit. */
export function limitIfAny(host: NetworkStack, owner: Owner, name: string, limits: Limits) {
  if (!hasLimits(limits)) return { interfaces: [], [Symbol.dispose]: () => {} };
  return limitRates(host, owner, expectLink(host.route, { name }), limits);
}

function limitEgress(host: NetworkStack, owner: Owner, link: Link, egress: Limit): Interface {
  const name = ifbName(owner);
  // Until it is marked, the MAC tells GC whose it is.
  const mac = madeUpMac(networkMark(owner.network));
  addLink(host.route, { name, mac, ...(link.mtu && { mtu: link.mtu }), info: { kind: "ifb" } });
  const flags = { flags: LinkFlag.up, change: LinkFlag.up };
  setLink(host.route, `set up ${name}`, { name, alias: ownerMark(owner), ...flags });
  const ifb = expectLink(host.route, { name });
  limitLink(host, ifb, egress);
  // Others may filter there as well (clsact has the same place), and keep what is theirs.
  if (!hasIngress(host, link)) addIngress(host.route, link.index);
  explain(link, () => addRedirect(host.route, link.index, ifb.index, priority));
  return { name, ...(ifb.mac && { mac: ifb.mac }) };
}

function limitLink(host: NetworkStack, link: Link, limit: Limit): void {
  explain(link, () => addTokenBucket(host.route, link.index, bucketHandle, bucketOf(limit)));
}

function explain(link: Link, add: () => void): void {
  try {
    add();
  } catch (cause) {
    if (!(cause instanceof NetlinkError) || cause.code !== "EEXIST") throw cause;
    throw new CniError(ErrorCode.internal, `Cannot limit the rates of ${link.name}: somebody else does`, {
      cause,
      details: `${link.name}: found a queueing discipline or filter (tc qdisc show dev ${link.name}), allowed: none`,
    });
  }
}

function bucketOf({ rate, burst }: Limit): TokenBucket {
  const [bytesPerSecond, bytes] = [Math.floor(rate / 8), Math.floor(burst / 8)];
  return { rate: bytesPerSecond, burst: bytes, limit: Math.floor(bytesPerSecond * latency + bytes) };
}

/** Takes the limits of an attachment back; what is not there, and what is somebody else's, is passed over. */
export function removeLimits(host: NetworkStack, owner: Owner, link?: Link): void {
  const ifb = findLimiter(host, owner);
  if (link !== undefined) {
    const filters = listFilters(host.route, link.index);
    const ours = filters.filter(({ to }) => to !== undefined && leadsNowhereElse(host, to, ifb));
    // Filters go with it, at once: of a DEL that fails half way, the next one finds the other half.
    const isOurs = ours.length === filters.length && (ours.length > 0 || ifb !== undefined);
    const { kind: place } = getQdisc(host.route, link.index, QdiscParent.ingress) ?? {};
    if (isOurs && place === "ingress") deleteQdisc(host.route, link.index, QdiscParent.ingress);
    else for (const { priority } of ours) deleteRedirect(host.route, link.index, priority);
    const { kind, handle } = getQdisc(host.route, link.index, QdiscParent.root) ?? {};
    if (kind === "tbf" && handle === bucketHandle) deleteQdisc(host.route, link.index, QdiscParent.root);
  }
  if (ifb !== undefined) deleteLink(host.route, ifb);
}

/** An interface that is gone has no index any more, or nobody's, but its filter would drop all that comes. */
function leadsNowhereElse(host: NetworkStack, to: number, ifb: Link | undefined): boolean {
  return to === ifb?.index || to === 0 || getLink(host.route, { index: to }) === undefined;
}

function hasIngress(host: NetworkStack, link: Link): boolean {
  return getQdisc(host.route, link.index, QdiscParent.ingress) !== undefined;
}

/** @throws CniError unless the limits are as {@link limitRates} set them. */
export function checkLimits(host: NetworkStack, owner: Owner, link: Link, { ingress, egress }: Limits): void {
  if (ingress !== undefined) checkBucket(host, link, ingress);
  if (egress === undefined) return;
  const ifb = findLimiter(host, owner);
  if (ifb === undefined) throw mismatch(`interface ${ifbName(owner)}`, undefined, "an ifb");
  checkBucket(host, ifb, egress);
  const led = listFilters(host.route, link.index).some(({ to }) => to === ifb.index);
  if (!led) throw mismatch(`redirect of ${link.name}`, undefined, ifb.name);
}

function checkBucket(host: NetworkStack, link: Link, limit: Limit): void {
  const found = getQdisc(host.route, link.index, QdiscParent.root)?.tbf;
  const bucket = bucketOf(limit);
  const wanted = settledBucket(bucket);
  // The kernel keeps the bucket's size as a time, so that a byte or a thousandth of it may be lost in the rounding.
  const lost = Math.max(1, bucket.burst / 1000);
  const same =
    found?.rate === wanted.rate && found.limit === wanted.limit && Math.abs(found.burst - wanted.burst) <= lost;
  if (!same) throw mismatch(`rate limit of ${link.name}`, JSON.stringify(found), JSON.stringify(wanted));
}
