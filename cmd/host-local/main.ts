import { accessSync, constants, existsSync, statfsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import type { Attachment, Network, Plugin } from "../../src/cni/plugin.ts";
import { type DNS, emptyResult } from "../../src/cni/result.ts";
import { versions } from "../../src/cni/version.ts";
import type { Address } from "../../src/ip/address.ts";
import { allocate, assignRequests, hasFree } from "../../src/ipam/allocator.ts";
import { bootTime } from "../../src/ipam/boottime.ts";
import { formatBareOwner, formatOwner } from "../../src/ipam/owner.ts";
import { capacity, formatRangeSet, rangeFor } from "../../src/ipam/rangeset.ts";
import { parseResolvConf } from "../../src/ipam/resolvconf.ts";
import { recallAddress, rememberAddress } from "../../src/ipam/sticky.ts";
import { ReservationStore } from "../../src/ipam/store.ts";
import { readRegularFile } from "../../src/linux/file.ts";
import { type HostLocalConfig, loadConfig, loadConfigForRelease, loadWishes } from "./config.ts";

/** Addresses out of ranges, reserved in files on this host, in the Go suite's own format. */
export const plugin: Plugin<HostLocalConfig> = {
  name: "host-local",
  versions,
  isIpam: true,
  configure: loadConfig,
  configureForRelease: loadConfigForRelease,

  add(attachment, config) {
    const { network } = attachment;
    const { requested, stickyKey } = loadWishes(attachment, config);
    requireRanges(config);
    const wanted = assignRequests(config.sets, requested);
    const dns = readDns(config);
    using store = openStore(network, config);
    const sticky = stickyKey === undefined ? undefined : (set: number) => `${stickyKey}\n${set}`;
    const ips = allocate(
      config.sets,
      {
        owner: attachment,
        ownerName: attachment.containerID,
        order: config.order,
        wanted,
        ...(sticky && { preferred: (set) => recallAddress(config.dataDir, network.name, sticky(set)) }),
      },
      store,
    );
    if (sticky) {
      for (const [set, ip] of ips.entries())
        rememberAddress(config.dataDir, network.name, sticky(set), ip.address.address);
    }
    return { ...emptyResult(), ips, routes: [...config.routes], dns };
  },

  del(attachment, config) {
    using store = openStoreIfMade(attachment.network, config);
    if (store !== undefined) releaseAll(store, store.heldBy(attachment));
  },

  check(attachment, config) {
    using store = openStoreIfMade(attachment.network, config);
    const held = store?.heldBy(attachment) ?? [];
    if (held.length === 0) throw missing(attachment, `container ${attachment.containerID}`);
    const lost = attachment.prevResult?.ips.find(
      ({ address: { address } }) =>
        config.sets.some((set) => rangeFor(set, address)) && !held.some((mine) => mine.equals(address)),
    );
    if (lost !== undefined) throw missing(attachment, `container ${attachment.containerID}: ${lost.address.address}`);
  },

  gc(network, config) {
    using store = openStoreIfMade(network, config);
    if (store === undefined) return;
    const valid = new Set(network.validAttachments.flatMap((owner) => [formatOwner(owner), formatBareOwner(owner)]));
    const stale = store.list().filter(([, holder]) => !valid.has(holder));
    releaseAll(
      store,
      stale.map(([address]) => address),
    );
  },

  status(network, config) {
    try {
      if (!config.hasRuntimeSets) requireRanges(config);
      readDns(config);
      checkSpace(join(config.dataDir, network.name));
      using store = openStoreIfMade(network, config);
      const full = store && config.sets.findIndex((set) => !hasFree(set, store));
      const set = config.sets[full ?? -1];
      if (set === undefined) return;
      const reason = `no IP addresses available in range set ${full}: ${formatRangeSet(set)}`;
      throw new CniError(ErrorCode.notAvailable, `Cannot serve ADD: ${reason}`, {
        details: `all ${capacity(set)} addresses are reserved in ${store?.directory}`,
      });
    } catch (error) {
      if (!(error instanceof CniError) || error.code !== ErrorCode.io) throw error;
      throw new CniError(ErrorCode.notAvailable, `Cannot serve ADD: ${error.message}`, { details: error.details });
    }
  },
};

function openStore(network: Network, config: HostLocalConfig): ReservationStore {
  const store = ReservationStore.open(config.dataDir, network.name);
  if (config.releaseOnBoot) store.releaseOlderThan(bootTime());
  return store;
}

/** Not made where there is nothing to find in it. */
function openStoreIfMade(network: Network, config: HostLocalConfig): ReservationStore | undefined {
  return existsSync(join(config.dataDir, network.name)) ? openStore(network, config) : undefined;
}

/** Releases what it can; then the first error. */
function releaseAll(store: ReservationStore, addresses: Iterable<Address>): void {
  const errors: unknown[] = [];
  for (const address of addresses) {
    try {
      store.release(address);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

function requireRanges({ sets }: HostLocalConfig): void {
  if (sets.length > 0) return;
  throw new CniError(ErrorCode.invalidConfig, "Cannot use ipam: no IP ranges specified", {
    details: "ipam: found none, allowed: subnet, or ranges with at least one range set",
  });
}

function readDns({ resolvConf }: HostLocalConfig): DNS {
  if (resolvConf === undefined) return {};
  try {
    return parseResolvConf(readRegularFile(resolvConf).toString());
  } catch (cause) {
    throw new CniError(ErrorCode.io, `Cannot read ipam.resolvConf ${resolvConf}`, { cause });
  }
}

/** @throws CniError (io) when nothing could be written to the directory, or to where it will be made. */
function checkSpace(path: string): void {
  let directory = resolve(path);
  while (!existsSync(directory)) directory = dirname(directory);
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new CniError(ErrorCode.io, `Cannot write to ${directory}`, { cause });
  }
  const { bfree, ffree, files } = statfsSync(directory);
  const left = { blocks: bfree, ...(files > 0 && { inodes: ffree }) };
  const missing = Object.entries(left).find(([, free]) => free === 0);
  if (missing === undefined) return;
  throw new CniError(ErrorCode.io, `Cannot write to ${directory}: no space left on device`, {
    details: `free ${missing[0]}: 0`,
  });
}

function missing(attachment: Attachment, whose: string): CniError {
  return new CniError(ErrorCode.internal, `Failed to find address added by ${whose}`, {
    details: `network ${attachment.network.name}, container ${attachment.containerID}, interface ${attachment.ifname}`,
  });
}
