import { closeSync, fstatSync } from "node:fs";
import { Address } from "../ip/address.ts";
import { addToTree, nextOutsideTree, removeFromTree } from "./addresstree.ts";
import { hashText } from "./hash.ts";
import { headerLength, openIndexFile, readHeader, replaceIndexFile, type Seal, writeHeader } from "./indexfile.ts";
import { bucketLength, fileStorage, keyLength, memoryStorage, Table, valueLength } from "./table.ts";

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
    const fd = openIndexFile(path);
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
    const fd = openIndexFile(path);
    if (fd === undefined) return undefined;
    try {
      return readHeader(fd)?.releasedIn;
    } finally {
      closeSync(fd);
    }
  }

  get isEmpty(): boolean {
    return this.#table.records === 0;
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
    const fd = replaceIndexFile(path, memory);
    this[Symbol.dispose]();
    this.#file = { fd, path };
    this.#memory = undefined;
    this.#table = new Table(fileStorage(fd, headerLength), this.#table.buckets, this.#table.records);
  }

  /** Says what the index was made of; the last thing to be written. */
  seal(seal: Seal): void {
    if (this.#file === undefined) return;
    const { buckets, records } = this.#table;
    writeHeader(this.#file.fd, { ...seal, buckets, records, releasedIn: this.releasedIn });
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
