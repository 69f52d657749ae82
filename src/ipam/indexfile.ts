import { closeSync, constants, fstatSync, openSync, readSync, renameSync, rmSync, writeSync } from "node:fs";
import { bucketLength } from "./table.ts";

/** The state of a directory of which an index was made: while it is the same, the index says what the directory says. */
export interface Seal {
  readonly boot: string;
  /** Device and inode. */
  readonly directory: string;
  /** When its entries last changed: nanoseconds since 1970. */
  readonly modified: string;
}

/** What an index file begins with; behind it lies the table. It has a seal once the file is complete. */
interface Header extends Partial<Seal> {
  readonly buckets: number;
  readonly records: number;
  /** The boot in which reservations from before it were released. */
  readonly releasedIn?: string | undefined;
}

/** Changes with everything that would make an older index be read wrongly. */
const format = "berth host-local index 1";

/** The header, in JSON with zeros behind it, has as much room as a bucket. */
export const headerLength = bucketLength;
const longestHeader = 512;

/** A regular file of this process's user, not reached through a symbolic link; undefined when there is no such thing. */
export function openIndexFile(path: string): number | undefined {
  try {
    const fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stat = fstatSync(fd);
    if (stat.isFile() && stat.uid === process.geteuid?.()) return fd;
    closeSync(fd);
  } catch {
    // Missing, a symbolic link, or on a file system that cannot be written: it is made anew, or done without.
  }
  return undefined;
}

/** Puts a file with this table, and without a header, in the place of the one there is. @returns its descriptor. */
export function replaceIndexFile(path: string, table: Uint8Array): number {
  const unfinished = unfinishedPath(path);
  rmSync(unfinished, { force: true });
  const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  using undo = new DisposableStack();
  const fd = openSync(unfinished, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  undo.defer(() => {
    rmSync(unfinished, { force: true });
    closeSync(fd);
  });
  writeAll(fd, table, headerLength);
  renameSync(unfinished, path);
  undo.move();
  return fd;
}

/** Removes the file, and what a process left that was killed over making it. */
export function removeIndexFile(path: string): void {
  for (const file of [path, unfinishedPath(path)]) rmSync(file, { force: true });
}

/** @returns undefined for what is no header, or one of another format. */
export function readHeader(fd: number): Header | undefined {
  const bytes = Buffer.alloc(longestHeader);
  const length = readSync(fd, bytes, 0, bytes.length, 0);
  try {
    const header = JSON.parse(bytes.toString("utf8", 0, length).replace(/\0+$/, "")) as Header & { format: string };
    const isPowerOfTwo = Number.isInteger(header.buckets) && (header.buckets & (header.buckets - 1)) === 0;
    return header.format === format && isPowerOfTwo && Number.isInteger(header.records) ? header : undefined;
  } catch {
    return undefined;
  }
}

export function writeHeader(fd: number, header: Header): void {
  const bytes = new Uint8Array(longestHeader);
  new TextEncoder().encodeInto(JSON.stringify({ format, ...header }), bytes);
  writeAll(fd, bytes, 0);
}

function unfinishedPath(path: string): string {
  return `${path}.new`;
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let written = 0; written < bytes.length; ) {
    written += writeSync(fd, bytes, written, bytes.length - written, position + written);
  }
}
