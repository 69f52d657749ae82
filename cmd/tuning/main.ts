import { requireChained, requireLink } from "../../src/attach/chained.ts";
import { mismatch } from "../../src/attach/check.ts";
import { checkPrivileges } from "../../src/attach/ready.ts";
import { findSandbox, type NetworkStack, openSandbox } from "../../src/attach/stack.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import type { Attachment, Plugin } from "../../src/cni/plugin.ts";
import type { Result } from "../../src/cni/result.ts";
import { versions } from "../../src/cni/version.ts";
import { ensureSysctl, readSysctl } from "../../src/linux/sysctl.ts";
import { getLink, type Link, LinkFlag, setLink } from "../../src/rtnetlink/link.ts";
import { type Backup, listBackups, readBackup, removeBackup, writeBackup } from "./backup.ts";
import { configure, configureForRelease, type Settings, settingsFor, type TuningConfig } from "./config.ts";

/** Changes settings of a container's interface and of its namespace, and puts them back on DEL. */
export const plugin: Plugin<TuningConfig> = {
  name: "tuning",
  versions,
  configure,
  configureForRelease,

  add(attachment, config) {
    const prevResult = requireChained(attachment);
    const settings = settingsFor(attachment, config);
    using container = openSandbox(attachment);
    const before = backupOf(container, attachment, settings);
    // What an earlier ADD found is what was there before any of ours.
    writeBackup(config.dataDir, attachment, {
      ...before,
      ...readBackup(config.dataDir, attachment),
      network: attachment.network.name,
    });
    using undo = new DisposableStack();
    undo.defer(() => removeBackup(config.dataDir, attachment, attachment.network.name));
    undo.defer(() => restore(container, attachment.ifname, before));
    apply(container, attachment.ifname, settings);
    undo.move();
    return told(prevResult, attachment, settings);
  },

  del(attachment, { dataDir }) {
    const backup = readBackup(dataDir, attachment);
    using container = findSandbox(attachment);
    if (container !== undefined && backup !== undefined) restore(container, attachment.ifname, backup);
    // Not where something could not be put back: the next DEL tries again.
    removeBackup(dataDir, attachment, attachment.network.name);
  },

  check(attachment, config) {
    requireChained(attachment);
    const settings = settingsFor(attachment, config);
    using container = openSandbox(attachment);
    checkSettings(container, attachment, settings);
  },

  gc(network, { dataDir }) {
    const valid = new Set(network.validAttachments.map(({ containerID, ifname }) => `${containerID}_${ifname}`));
    for (const key of listBackups(dataDir, network.name)) {
      if (!valid.has(`${key.containerID}_${key.ifname}`)) removeBackup(dataDir, key, network.name);
    }
  },

  status: () => checkPrivileges(),
};

function backupOf(container: NetworkStack, attachment: Attachment, settings: Settings): Backup {
  const { network } = attachment;
  const link = requireLink(container, attachment);
  const { mac, promisc, mtu, txQLen, allmulti, sysctl } = settings;
  const values = container.namespace.run(() => Object.keys(sysctl).map((path) => [path, readExisting(path)]));
  return {
    network: network.name,
    ...(mac !== undefined && link.mac && { mac: link.mac }),
    ...(promisc !== undefined && { promisc: hasFlag(link, LinkFlag.promiscuous) }),
    ...(mtu !== undefined && link.mtu && { mtu: link.mtu }),
    ...(txQLen !== undefined && { txQLen: link.txQueueLength ?? 0 }),
    ...(allmulti !== undefined && { allmulti: hasFlag(link, LinkFlag.allMulticast) }),
    ...(values.length > 0 && { sysctl: Object.fromEntries(values) }),
  };
}

function readExisting(path: string): string {
  const refuse = (reason: string) =>
    new CniError(ErrorCode.invalidConfig, `Cannot set ${path}: ${reason}`, {
      details: `sysctl: found ${path}, allowed: a setting beneath /proc/sys/net that can be read`,
    });
  let value: string | undefined;
  try {
    value = readSysctl(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EISDIR") throw refuse("it is a group of settings");
    if (code === "EACCES") throw refuse("it cannot be read, so that DEL could not put it back");
    throw error;
  }
  if (value === undefined) throw refuse("this kernel has no such setting");
  return value;
}

function apply(container: NetworkStack, ifname: string, settings: Settings): void {
  const { mac, promisc, mtu, txQLen, allmulti, sysctl } = settings;
  container.namespace.run(() => {
    for (const [path, value] of Object.entries(sysctl)) ensureSysctl(path, value);
  });
  const flags = (promisc ? LinkFlag.promiscuous : 0) | (allmulti ? LinkFlag.allMulticast : 0);
  const change =
    (promisc === undefined ? 0 : LinkFlag.promiscuous) | (allmulti === undefined ? 0 : LinkFlag.allMulticast);
  const { index } = requireLink(container, { ifname });
  // One at a time: the kernel may refuse one of them, and its text does not say which.
  if (mac !== undefined) setLink(container.route, `set the MAC of ${ifname} to ${mac}`, { index, mac });
  if (mtu !== undefined) setLink(container.route, `set the MTU of ${ifname} to ${mtu}`, { index, mtu });
  if (txQLen !== undefined) {
    setLink(container.route, `set the queue of ${ifname} to ${txQLen}`, { index, txQueueLength: txQLen });
  }
  if (change !== 0) setLink(container.route, `set the flags of ${ifname}`, { index, flags, change });
}

/** Puts back what a backup has, as far as it is still there. */
function restore(container: NetworkStack, ifname: string, { sysctl = {}, ...link }: Backup): void {
  using steps = new DisposableStack();
  if (getLink(container.route, { name: ifname }) !== undefined) {
    steps.defer(() => apply(container, ifname, { ...link, sysctl: {} }));
  }
  for (const [path, value] of Object.entries(sysctl)) {
    // Those of the interface are gone with it.
    steps.defer(() => container.namespace.run(() => readSysctl(path) !== undefined && ensureSysctl(path, value)));
  }
}

function checkSettings(container: NetworkStack, { ifname }: Attachment, settings: Settings): void {
  const { mac, promisc, mtu, txQLen, allmulti, sysctl } = settings;
  const found = container.namespace.run(() => Object.keys(sysctl).map((path) => [path, readSysctl(path)] as const));
  for (const [path, value] of found) {
    // The kernel puts tabs between the numbers of a list.
    if (value?.split(/\s+/).join(" ") !== sysctl[path]?.trim().split(/\s+/).join(" ")) {
      throw mismatch(path, value, sysctl[path]);
    }
  }
  const link = requireLink(container, { ifname });
  const wanted: [string, unknown, unknown][] = [
    ["MAC", link.mac, mac],
    ["promiscuous mode", hasFlag(link, LinkFlag.promiscuous), promisc],
    ["MTU", link.mtu, mtu],
    ["transmit queue", link.txQueueLength ?? 0, txQLen],
    ["all-multicast mode", hasFlag(link, LinkFlag.allMulticast), allmulti],
  ];
  for (const [name, value, expected] of wanted) {
    if (expected !== undefined && value !== expected) throw mismatch(`${name} of ${ifname}`, value, expected);
  }
}

/** The result with what was changed of it. */
function told(prevResult: Result, { ifname }: Attachment, { mac, mtu }: Settings): Result {
  const interfaces = prevResult.interfaces.map((entry) => {
    if (entry.name !== ifname || !entry.sandbox) return entry;
    return { ...entry, ...(mac && { mac }), ...(mtu && entry.mtu && { mtu }) };
  });
  return { ...prevResult, interfaces };
}

function hasFlag({ flags }: Link, flag: number): boolean {
  return (flags & flag) !== 0;
}
