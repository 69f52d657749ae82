import { opendirSync, readdirSync, renameSync, rmdirSync, rmSync, statSync, unlinkSync } from "node:fs";
import type { AttachmentKey } from "../../cni/plugin.ts";
import { readRegularFile, writeNewFile } from "../../linux/file.ts";
import type { Owner } from "../owner.ts";
import { stateDirectory } from "../state.ts";
import { type Publication, readPublication } from "./publication.ts";

/**
 * What is published for one attachment, by the plugin that asked for it.
 *
 * Records say what the tables should hold: DEL learns from them what to remove, and after a flush the tables are made
 * from them. They live as long as the kernel's tables, in /run. A record is written before the tables change and removed
 * after them, so whatever is in the tables has one; the elements name their owner, so a record too many does no harm.
 */
export interface Record {
  readonly owner: Owner;
  readonly parts: Readonly<{ [plugin: string]: Publication }>;
}

/** A record as it was found. */
export interface FoundRecord extends Record {
  /** When it was written, in milliseconds. */
  readonly time: number;
}

const directory = "published";

function pathOf({ network, containerID, ifname }: Owner): string {
  return `${stateDirectory(directory)}/${network}/${fileName({ containerID, ifname })}`;
}

/** Neither name can hold a slash, and an interface's no colon. */
function fileName({ containerID, ifname }: AttachmentKey): string {
  return `${containerID}:${ifname}`;
}

/**
 * The record of an attachment; where its network has none, that of the same interface of the same container in another:
 * the network was renamed since.
 */
export function findRecord(owner: Owner): FoundRecord | undefined {
  const networks = [owner.network, ...listNetworks().filter((network) => network !== owner.network)];
  for (const network of networks) {
    const record = readRecord({ ...owner, network });
    if (record !== undefined) return record;
  }
  return undefined;
}

/** @throws the errors of `node:fs`. */
export function writeRecord({ owner, parts }: Record): void {
  const path = pathOf(owner);
  const unfinished = unfinishedPath();
  using undo = new DisposableStack();
  undo.defer(() => tidyRecords(owner.network));
  stateDirectory(directory, owner.network);
  writeNewFile(unfinished, JSON.stringify({ owner, parts }));
  renameSync(unfinished, path);
  undo.move();
}

export function removeRecord(owner: Owner): void {
  ignoring(["ENOENT"], () => unlinkSync(pathOf(owner)));
  tidyRecords(owner.network);
}

/** Removes what a process that was killed left of writing a record, and a network's directory where it is empty. */
export function tidyRecords(network: string): void {
  rmSync(unfinishedPath(), { force: true });
  ignoring(["ENOENT", "ENOTEMPTY"], () => rmdirSync(`${stateDirectory(directory)}/${network}`));
}

/** Networks' names cannot start with a dot. One is enough: the writer holds the lock. */
function unfinishedPath(): string {
  return `${stateDirectory(directory)}/.new`;
}

/** Whether no other attachment of its network has a record. Looks at two names, however many there are. */
export function isAlone(owner: Owner): boolean {
  const found = ignoring(["ENOENT"], () => {
    using network = opendirSync(`${stateDirectory(directory)}/${owner.network}`);
    return [network.readSync(), network.readSync()].flatMap((entry) => entry?.name ?? []);
  });
  return found === undefined || found.every((name) => name === fileName(owner));
}

/** The networks that anything is published for. */
export function listNetworks(): string[] {
  return readdirSync(stateDirectory(directory)).filter((name) => !name.startsWith("."));
}

/** The attachments of a network that anything is published for. */
export function listAttachments(network: string): AttachmentKey[] {
  const names = ignoring(["ENOENT"], () => readdirSync(`${stateDirectory(directory)}/${network}`)) ?? [];
  return names.map((name) => {
    const colon = name.indexOf(":");
    return { containerID: name.slice(0, colon), ifname: name.slice(colon + 1) };
  });
}

/** The records of a network, `most` of them at most. */
export function listRecords(network: string, most = Number.POSITIVE_INFINITY): FoundRecord[] {
  return listAttachments(network)
    .slice(0, most)
    .flatMap((key) => readRecord({ network, ...key }) ?? []);
}

/** Undefined when there is none, or what is there is none: the tables then tell what was published. */
function readRecord(owner: Owner): FoundRecord | undefined {
  const path = pathOf(owner);
  const text = ignoring(["ENOENT", "ENOTDIR"], () => readRegularFile(path).toString());
  const parts = text === undefined ? undefined : readParts(text);
  return parts && { owner, parts, time: statSync(path).mtimeMs };
}

function readParts(text: string): Record["parts"] | undefined {
  try {
    const { parts } = JSON.parse(text) as { parts: object };
    return Object.fromEntries(Object.entries(parts).map(([plugin, json]) => [plugin, readPublication(json)]));
  } catch {
    return undefined;
  }
}

function ignoring<T>(codes: readonly string[], action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (codes.includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
