import { readdirSync, renameSync, rmSync } from "node:fs";
import { isObject } from "../../src/cni/json.ts";
import type { AttachmentKey } from "../../src/cni/plugin.ts";
import { makeDirectories, readRegularFile, writeNewFile } from "../../src/linux/file.ts";

/**
 * What an interface and its namespace were like before. The file is the Go suite's, `<containerID>_<ifname>.json`, with
 * `network` and `sysctl` besides, which it passes over.
 */
export interface Backup {
  readonly network?: string;
  readonly mac?: string;
  readonly promisc?: boolean;
  readonly mtu?: number;
  readonly txQLen?: number;
  readonly allmulti?: boolean;
  /** By path beneath /proc/sys. */
  readonly sysctl?: Readonly<Record<string, string>>;
}

/** While it is written: with its network, which half a file does not tell. No network's name holds a `+`. */
function unfinishedPathOf(dataDir: string, { containerID, ifname }: AttachmentKey, network: string): string {
  return `${dataDir}/.${containerID}_${ifname}+${network}`;
}

function pathOf(dataDir: string, { containerID, ifname }: AttachmentKey): string {
  return `${dataDir}/${containerID}_${ifname}.json`;
}

/** @returns undefined when there is none, or none that makes sense. @throws the errors of `node:fs`. */
export function readBackup(dataDir: string, key: AttachmentKey): Backup | undefined {
  try {
    const value: unknown = JSON.parse(readRegularFile(pathOf(dataDir, key)).toString());
    return isBackup(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function isBackup(value: unknown): value is Backup {
  if (!isObject(value)) return false;
  const { network, mac, promisc, mtu, txQLen, allmulti, sysctl = {} } = value;
  const is = (type: "string" | "boolean", ...values: unknown[]) =>
    values.every((value) => value === undefined || typeof value === type);
  const isNumber = (value: unknown) => value === undefined || (Number.isInteger(value) && Number(value) >= 0);
  const isSetting = ([path, text]: [string, unknown]) => isSettingPath(path) && typeof text === "string";
  return (
    is("string", network, mac) &&
    is("boolean", promisc, allmulti) &&
    [mtu, txQLen].every(isNumber) &&
    isObject(sysctl) &&
    Object.entries(sysctl).every(isSetting)
  );
}

/** Whether this is the path, beneath /proc/sys, of a setting of a network namespace. */
export function isSettingPath(path: string): boolean {
  const parts = path.split("/");
  return parts[0] === "net" && parts.length > 1 && parts.every((part) => part !== "" && part !== "." && part !== "..");
}

export function writeBackup(dataDir: string, key: AttachmentKey, backup: Backup & { readonly network: string }): void {
  makeDirectories(dataDir, 0o700);
  const unfinished = unfinishedPathOf(dataDir, key, backup.network);
  using undo = new DisposableStack();
  undo.defer(() => rmSync(unfinished, { force: true }));
  writeNewFile(unfinished, JSON.stringify(backup, undefined, 1));
  renameSync(unfinished, pathOf(dataDir, key));
  undo.move();
}

export function removeBackup(dataDir: string, key: AttachmentKey, network: string): void {
  for (const path of [pathOf(dataDir, key), unfinishedPathOf(dataDir, key, network)]) rmSync(path, { force: true });
}

/** The attachments of a network that have a backup. */
export function listBackups(dataDir: string, network: string): AttachmentKey[] {
  let names: string[];
  try {
    names = readdirSync(dataDir);
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    // Containers' names may hold underscores, interfaces' as well: the file says what the name means.
    const [, dot, containerID, ifname, its] = /^(\.?)(.+)_([^/]+)(?:\.json|\+([^+]+))$/.exec(name) ?? [];
    if (containerID === undefined || ifname === undefined) return [];
    const key = { containerID, ifname };
    const owner = dot === "" ? readBackup(dataDir, key)?.network : its;
    return owner === network ? [key] : [];
  });
}
