import { requireChained, requireLink } from "../../src/attach/chained.ts";
import { checkLayer3, mismatch, requirePrevResult } from "../../src/attach/check.ts";
import { lockContainer } from "../../src/attach/containerlock.ts";
import { ownerOf } from "../../src/attach/owner.ts";
import { checkPrivileges } from "../../src/attach/ready.ts";
import {
  findRecordedSandbox,
  listInvalidRecords,
  readRecord,
  removeRecord,
  writeRecord,
} from "../../src/attach/record.ts";
import { findSandbox, type NetworkStack, openSandbox } from "../../src/attach/stack.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import type { Plugin } from "../../src/cni/plugin.ts";
import { versions } from "../../src/cni/version.ts";
import { getLink, type Link, LinkFlag } from "../../src/rtnetlink/link.ts";
import { configure, configureForRelease, type VrfConfig } from "./config.ts";
import { ensureVrf, findVrf, joinVrf, leaveVrf, removeUnusedVrf } from "./device.ts";

/** What the records of VRFs in use, by name, are filed under. */
const kind = "vrfs";

/** Gives an interface of a container a routing table of its own, by a VRF, which goes with its last interface. */
export const plugin: Plugin<VrfConfig> = {
  name: "vrf",
  versions,
  configure,
  configureForRelease,

  add(attachment, config) {
    const prevResult = requireChained(attachment);
    using container = openSandbox(attachment);
    using _lock = lockContainer(container);
    const link = requireLink(container, attachment);
    refusePort(container, link);
    using undo = new DisposableStack();
    undo.use(writeRecord(kind, attachment, container, config.name));
    const vrf = undo.use(ensureVrf(container, config));
    undo.use(joinVrf(container, link, vrf));
    undo.move();
    return prevResult;
  },

  del(attachment, { name }) {
    const owner = ownerOf(attachment);
    const record = readRecord<string>(kind, owner);
    using container = record === undefined ? findSandbox(attachment) : findRecordedSandbox(attachment.netns, record);
    // The Go suite, which keeps no record, may have come after us.
    const names = new Set([record?.note ?? name, name]);
    if (container !== undefined) for (const vrf of names) release(container, attachment.ifname, vrf);
    removeRecord(kind, owner);
  },

  check(attachment, { name, table }) {
    const prevResult = requirePrevResult(attachment);
    using container = openSandbox(attachment);
    const link = requireLink(container, attachment);
    const vrf = findVrf(container, name);
    if (vrf === undefined) throw mismatch(`VRF ${name}`, undefined, "one");
    if (table !== 0 && vrf.table !== table) throw mismatch(`table of ${name}`, vrf.table, table);
    if (link.master !== vrf.index) throw mismatch(`VRF of ${link.name}`, describeMaster(container, link), name);
    const isUp = ((getLink(container.route, vrf)?.flags ?? 0) & LinkFlag.up) !== 0;
    if (!isUp) throw mismatch(`state of ${name}`, "down", "up");
    checkLayer3(container, link, prevResult);
  },

  gc(network) {
    using steps = new DisposableStack();
    for (const record of listInvalidRecords<string>(kind, network)) {
      steps.defer(() => {
        using container = findRecordedSandbox(undefined, record);
        if (container !== undefined) release(container, record.owner.ifname, record.note);
        removeRecord(kind, record.owner);
      });
    }
  },

  status: () => checkPrivileges(),
};

/** Takes the interface out of the VRF, as far as both are there, and removes a VRF that has no interface any more. */
function release(container: NetworkStack, ifname: string, name: string): void {
  using _lock = lockContainer(container);
  const vrf = findVrf(container, name);
  const link = getLink(container.route, { name: ifname });
  if (vrf !== undefined && link !== undefined) leaveVrf(container, link, vrf);
  removeUnusedVrf(container, name);
}

function refusePort(container: NetworkStack, link: Link): void {
  const master = describeMaster(container, link);
  if (master === undefined) return;
  throw new CniError(ErrorCode.invalidConfig, `interface ${link.name} has already a master set: ${master}`, {
    details: `${link.name}: found the master ${master}, allowed: none`,
  });
}

function describeMaster(container: NetworkStack, { master: index }: Link): string | undefined {
  if (!index) return undefined;
  return getLink(container.route, { index })?.name ?? `link ${index}`;
}
