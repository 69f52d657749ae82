import { mkdirSync, readdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { isObject } from "../../src/cni/json.ts";
import type { AttachmentKey } from "../../src/cni/plugin.ts";

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

function pathOf(dataDir: string, { containerID, ifname }: AttachmentKey): string {
  return `${dataDir}/${containerID}_${ifname}.json`;
}

/** @returns undefined when there is none, or none that makes sense. @throws the errors of `node:fs`. */
export function readBackup(dataDir: string, key: AttachmentKey): Backup | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(pathOf(dataDir, key), "utf8"));
    return isObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

export function writeBackup(dataDir: string, key: AttachmentKey, backup: Backup): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const path = pathOf(dataDir, key);
  writeFileSync(`${path}.new`, JSON.stringify(backup, undefined, 1), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

export function removeBackup(dataDir: string, key: AttachmentKey): void {
  try {
    unlinkSync(pathOf(dataDir, key));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
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
    const match = /^(.+)_([^/]+)\.json$/.exec(name);
    const [, containerID, ifname] = match ?? [];
    if (containerID === undefined || ifname === undefined) return [];
    return readBackup(dataDir, { containerID, ifname })?.network === network ? [{ containerID, ifname }] : [];
  });
}
