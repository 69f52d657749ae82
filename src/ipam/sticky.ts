import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Address } from "../ip/address.ts";
import { hashText } from "./hash.ts";

/**
 * Which address each key was given last, for as many keys as a file of 2 MiB holds (65,536); of those that fall into the
 * same page, the one not seen for longest makes room. Both functions expect the network's reservations to be locked.
 *
 * A preference and nothing more: what cannot be read or written is forgotten.
 */
export function recallAddress(dataDir: string, network: string, key: string): Address | undefined {
  return withPage(dataDir, network, key, (page, hash) => {
    const record = recordsOf(page).find((candidate) => hasHash(candidate, hash));
    const length = record?.[lengthAt] ?? 0;
    return record && length > 0 ? Address.fromBytes(record.subarray(addressAt, addressAt + length)) : undefined;
  });
}

export function rememberAddress(dataDir: string, network: string, key: string, address: Address): void {
  withPage(dataDir, network, key, (page, hash, write) => {
    const records = recordsOf(page);
    const oldest = records.reduce((a, b) => (seenOf(b) < seenOf(a) ? b : a));
    const record = records.find((candidate) => hasHash(candidate, hash)) ?? oldest;
    const { bytes } = address;
    record.fill(0);
    record.set(hash);
    new DataView(record.buffer, record.byteOffset).setUint32(seenAt, Math.floor(Date.now() / 1000));
    record[lengthAt] = bytes.length;
    record.set(bytes, addressAt);
    write(record);
  });
}

const pages = 512;
const pageLength = 4096;
const recordLength = 32;
const seenAt = 8;
const lengthAt = 12;
const addressAt = 13;

function withPage<Outcome>(
  dataDir: string,
  network: string,
  key: string,
  use: (page: Uint8Array, hash: Uint8Array, write: (record: Uint8Array) => void) => Outcome,
): Outcome | undefined {
  const hash = hashText(key);
  const position = (new DataView(hash.buffer).getUint32(0) % pages) * pageLength;
  using resources = new DisposableStack();
  try {
    const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
    const fd = openSync(join(dataDir, `.${network}.sticky`), O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
    resources.defer(() => closeSync(fd));
    if (fstatSync(fd).size !== pages * pageLength) ftruncateSync(fd, pages * pageLength);
    const page = new Uint8Array(pageLength);
    readSync(fd, page, 0, pageLength, position);
    return use(page, hash, (record) => writeSync(fd, record, 0, recordLength, position + record.byteOffset));
  } catch {
    return undefined;
  }
}

function recordsOf(page: Uint8Array): Uint8Array[] {
  return Array.from({ length: pageLength / recordLength }, (_, i) =>
    page.subarray(i * recordLength, (i + 1) * recordLength),
  );
}

function seenOf(record: Uint8Array): number {
  return new DataView(record.buffer, record.byteOffset).getUint32(seenAt);
}

function hasHash(record: Uint8Array, hash: Uint8Array): boolean {
  return hash.every((byte, i) => record[i] === byte);
}
