import { readSync, writeSync } from "node:fs";
import { mix } from "./hash.ts";

/** Bytes that a table lives in. */
export interface Storage {
  /** The bytes from `position` on, good until the next read: they may be the storage's own. */
  read(position: number, length: number): Uint8Array;
  write(position: number, bytes: Uint8Array): void;
}

export const bucketLength = 4096;
export const keyLength = 28;
export const valueLength = 32;
const recordLength = 4 + keyLength + valueLength;
const recordsPerBucket = bucketLength / recordLength;

// The first word of a record is what its key hashes to, or one of these.
const empty = 0;
const deleted = 1;

/**
 * A hash table of records of 64 bytes, which reads one bucket of 4096 bytes and writes one record at a time: the number
 * of records changes nothing about the cost. A key may have several values.
 *
 * A table {@link isCrowded} should be {@link copyTo copied} to one of twice the buckets.
 */
export class Table {
  readonly buckets: number;
  readonly #storage: Storage;
  #records: number;

  /** @param buckets a power of two; `storage` holds as many zeroed buckets, or what a table of that size left in it. */
  constructor(storage: Storage, buckets: number, records = 0) {
    this.#storage = storage;
    this.buckets = buckets;
    this.#records = records;
  }

  get records(): number {
    return this.#records;
  }

  get isCrowded(): boolean {
    return this.#records * 5 > this.buckets * recordsPerBucket * 3;
  }

  valuesOf(key: Uint8Array): Uint8Array[] {
    const values: Uint8Array[] = [];
    this.#locate(hashOf(key), (record) => {
      if (hasKey(record, key)) values.push(record.slice(4 + keyLength));
      return false;
    });
    return values;
  }

  /** Gives the key one more value. */
  add(key: Uint8Array, value: Uint8Array): void {
    const record = new Uint8Array(recordLength);
    record.set(key, 4);
    record.set(value, 4 + keyLength);
    this.#insert(hashOf(key), record);
  }

  replace(key: Uint8Array, value: Uint8Array, by: Uint8Array): void {
    const { found } = this.#locate(hashOf(key), (record) => hasKey(record, key) && hasValue(record, value));
    if (found !== undefined) this.#storage.write(found + 4 + keyLength, by);
  }

  delete(key: Uint8Array, value: Uint8Array): void {
    const { found, isLast } = this.#locate(hashOf(key), (record) => hasKey(record, key) && hasValue(record, value));
    if (found === undefined) return;
    // A search that goes on to the next bucket must not end here; it only does so from a bucket without empty records.
    this.#storage.write(found, new Uint8Array(Int32Array.of(isLast ? empty : deleted).buffer));
    this.#records--;
  }

  copyTo(larger: Table): void {
    for (let bucket = 0; bucket < this.buckets; bucket++) {
      const bytes = this.#storage.read(bucket * bucketLength, bucketLength);
      const words = wordsOf(bytes);
      for (let at = 0; at < bucketLength; at += recordLength) {
        const word = words[at / 4] ?? empty;
        if (word !== empty && word !== deleted) larger.#insert(word, bytes.slice(at, at + recordLength));
      }
    }
  }

  #insert(word: number, record: Uint8Array): void {
    wordsOf(record)[0] = word;
    const { room } = this.#locate(word, () => false);
    if (room === undefined) throw new RangeError("Cannot add to a table: it is full");
    this.#storage.write(room, record);
    this.#records++;
  }

  /**
   * @returns the position of the record with this first word that `accept` took, and whether a search ends in its
   * bucket; or where there is room for one, if none was taken.
   */
  #locate(word: number, accept: (record: Uint8Array) => boolean): { found?: number; room?: number; isLast: boolean } {
    let room: number | undefined;
    for (let probe = 0; probe < this.buckets; probe++) {
      const start = ((word + probe) & (this.buckets - 1)) * bucketLength;
      const bytes = this.#storage.read(start, bucketLength);
      const words = wordsOf(bytes);
      let found: number | undefined;
      let isLast = false;
      for (let at = 0; at < bucketLength; at += recordLength) {
        const candidate = words[at / 4];
        if (candidate === empty || candidate === deleted) room ??= start + at;
        isLast ||= candidate === empty;
        if (candidate === word && found === undefined && accept(bytes.subarray(at, at + recordLength)))
          found = start + at;
      }
      if (found !== undefined) return { found, isLast };
      if (isLast) break;
    }
    return room === undefined ? { isLast: true } : { room, isLast: true };
  }
}

/** A table's bytes in memory, zeroed. */
export function memoryStorage(length: number): Storage & { readonly bytes: Uint8Array } {
  const bytes = new Uint8Array(length);
  return {
    bytes,
    read: (position, length) => bytes.subarray(position, position + length),
    write: (position, written) => bytes.set(written, position),
  };
}

/** A table's bytes in an open file, from `offset` on. */
export function fileStorage(fd: number, offset: number): Storage {
  const buffer = new Uint8Array(bucketLength);
  return {
    read(position, length) {
      if (readSync(fd, buffer, 0, length, offset + position) !== length)
        throw new RangeError("The file ends too early");
      return buffer.subarray(0, length);
    },
    write(position, bytes) {
      writeSync(fd, bytes, 0, bytes.length, offset + position);
    },
  };
}

/** Never one of the two words that mean something else. */
function hashOf(key: Uint8Array): number {
  let state = 0x811c9dc5;
  for (const byte of key) state = Math.imul(state ^ byte, 0x01000193);
  const hash = mix(state);
  return hash === empty || hash === deleted ? 2 : hash;
}

function wordsOf(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length / 4);
}

function hasKey(record: Uint8Array, key: Uint8Array): boolean {
  return key.every((byte, i) => record[4 + i] === byte);
}

function hasValue(record: Uint8Array, value: Uint8Array): boolean {
  return value.every((byte, i) => record[4 + keyLength + i] === byte);
}
