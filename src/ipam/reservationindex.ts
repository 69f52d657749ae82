import { closeSync, constants, fstatSync, openSync, readSync, renameSync, rmSync, writeSync } from "node:fs";
import { Address } from "../ip/address.ts";
import { addToTree, nextOutsideTree, removeFromTree } from "./addresstree.ts";
import { hashText } from "./hash.ts";
import { bucketLength, fileStorage, keyLength, memoryStorage, Table, valueLength } from "./table.ts";

/** The state of a directory of which an index was made: while it is the same, the index says what the directory says. */
export interface Seal {
  readonly boot: string;
  /** Device and inode. */
  readonly directory: string;
  /** When its entries last changed: nanoseconds since 1970. */
  readonly modified: string;
}

interface Header extends Partial<Seal> {
  readonly format: string;
  readonly buckets: number;
  readonly records: number;
  /** The boot in which reservations from before it were released. */
  readonly releasedIn?: string | undefined;
}

/** Changes with everything that would make an older index be read wrongly. */
const format = "berth host-local index 1";

/** The header, in JSON with zeros behind it, has as much room as a bucket. */
const headerLength = bucketLength;

/**
 * Which addresses an owner has, and which are free, without reading a reservation. An index is made from the
 * reservations whenever it is missing or in doubt, and is never the truth.
 */
export class ReservationIndex implements Disposable {
  releasedIn: string | undefined;
  #table: Table;
  #memory: Uint8Array | undefined;
  #file: { readonly fd: number; readonly path: string } | undefined;

  /** An empty one, in memory. */
  constructor() {
    const storage = memoryStorage(bucketLength);
    this.#memory = storage.bytes;
    this.#table = new Table(storage, 1);
  }

  /** The index kept in the file at `path`; undefined when there is none, or it was not made of what `seal` says. */
  static open(path: string, seal: Seal): ReservationIndex | undefined {
    using undo = new DisposableStack();
    const fd = openOwnFile(path, constants.O_RDWR);
    if (fd === undefined) return undefined;
    undo.defer(() => closeSync(fd));
    const header = readHeader(fd);
    if (header === undefined || fstatSync(fd).size !== headerLength + header.buckets * bucketLength) return undefined;
    if (header.boot !== seal.boot || header.directory !== seal.directory || header.modified !== seal.modified)
      return undefined;
    const index = new ReservationIndex();
    index.#table = new Table(fileStorage(fd, headerLength), header.buckets, header.records);
    index.#memory = undefined;
    index.#file = { fd, path };
    index.releasedIn = header.releasedIn;
    undo.move();
    return index;
  }

  /** {@link ReservationIndex.releasedIn} of the file at `path`, even if the rest of it is out of date. */
  static readReleasedIn(path: string): string | undefined {
    const fd = openOwnFile(path, constants.O_RDONLY);
    if (fd === undefined) return undefined;
    try {
      return readHeader(fd)?.releasedIn;
    } finally {
      closeSync(fd);
    }
  }

  /** Removes the file at `path`, and what a process left that was killed over making it. */
  static remove(path: string): void {
    for (const file of [path, unfinishedPath(path)]) rmSync(file, { force: true });
  }

  get isEmpty(): boolean {
    return this.#table.records === 0;
  }

  /** Whether it is kept in a file. */
  get isKept(): boolean {
    return this.#file !== undefined;
  }

  add(address: Address, owner: string): void {
    this.#table.add(ownerKey(owner), addressValue(address));
    addToTree(this.#table, address);
    if (this.#table.isCrowded) this.#grow();
  }

  remove(address: Address, owner: string): void {
    this.#table.delete(ownerKey(owner), addressValue(address));
    removeFromTree(this.#table, address);
  }

  /** The addresses of an owner, and with little probability of others: the reservation tells. */
  addressesOf(owner: string): Address[] {
    return this.#table.valuesOf(ownerKey(owner)).map(readAddressValue);
  }

  nextFree(address: Address): Address | undefined {
    return nextOutsideTree(this.#table, address);
  }

  /** Moves an index in memory to a file at `path`. It counts for nothing until it is sealed. */
  keep(path: string): void {
    const memory = this.#memory;
    if (memory === undefined) return;
    const unfinished = unfinishedPath(path);
    rmSync(unfinished, { force: true });
    const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    using undo = new DisposableStack();
    const fd = openSync(unfinished, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    undo.defer(() => {
      rmSync(unfinished, { force: true });
      closeSync(fd);
    });
    writeAll(fd, memory, headerLength);
    renameSync(unfinished, path);
    undo.move();
    this[Symbol.dispose]();
    this.#file = { fd, path };
    this.#memory = undefined;
    this.#table = new Table(fileStorage(fd, headerLength), this.#table.buckets, this.#table.records);
  }

  /** Says what the index was made of; the last thing to be written. */
  seal(seal: Seal): void {
    if (this.#file === undefined) return;
    const { buckets, records } = this.#table;
    const header: Header = { format, ...seal, buckets, records, releasedIn: this.releasedIn };
    const bytes = new Uint8Array(512);
    new TextEncoder().encodeInto(JSON.stringify(header), bytes);
    writeAll(this.#file.fd, bytes, 0);
  }

  [Symbol.dispose](): void {
    if (this.#file !== undefined) closeSync(this.#file.fd);
    this.#file = undefined;
  }

  #grow(): void {
    const buckets = this.#table.buckets * 2;
    const storage = memoryStorage(buckets * bucketLength);
    const larger = new Table(storage, buckets);
    this.#table.copyTo(larger);
    this.#table = larger;
    this.#memory = storage.bytes;
    if (this.#file !== undefined) this.keep(this.#file.path);
  }
}

function unfinishedPath(path: string): string {
  return `${path}.new`;
}

/** A regular file of this process's user, not reached through a symbolic link; undefined when there is no such thing. */
function openOwnFile(path: string, flags: number): number | undefined {
  try {
    const fd = openSync(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stat = fstatSync(fd);
    if (stat.isFile() && stat.uid === process.geteuid?.()) return fd;
    closeSync(fd);
  } catch {
    // Missing, a symbolic link, or on a file system that cannot be written: it is made anew, or done without.
  }
  return undefined;
}

function readHeader(fd: number): Header | undefined {
  const bytes = Buffer.alloc(512);
  const length = readSync(fd, bytes, 0, bytes.length, 0);
  try {
    const header = JSON.parse(bytes.toString("utf8", 0, length).replace(/\0+$/, "")) as Header;
    const isPowerOfTwo = Number.isInteger(header.buckets) && (header.buckets & (header.buckets - 1)) === 0;
    return header.format === format && isPowerOfTwo && Number.isInteger(header.records) ? header : undefined;
  } catch {
    return undefined;
  }
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let written = 0; written < bytes.length; ) {
    written += writeSync(fd, bytes, written, bytes.length - written, position + written);
  }
}

/** Tells keys of owners from those of the tree's nodes. */
const ownerKind = 2;

function ownerKey(owner: string): Uint8Array {
  const key = new Uint8Array(keyLength);
  key[0] = ownerKind;
  key.set(hashText(owner), 1);
  return key;
}

function addressValue(address: Address): Uint8Array {
  const value = new Uint8Array(valueLength);
  const { bytes } = address;
  value[0] = bytes.length;
  value.set(bytes, 1);
  return value;
}

function readAddressValue(value: Uint8Array): Address {
  return Address.fromBytes(value.subarray(1, 1 + (value[0] ?? 0)));
}
