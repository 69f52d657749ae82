/**
 * The reservations of one network as files, in the Go suite's own format: the file's name is the address, its content
 * the owner. Other software reads and edits them, under an flock of the file `lock` among them; these functions expect
 * their caller to hold it.
 */

import { closeSync, constants, linkSync, opendirSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Address } from "../ip/address.ts";
import { readRegularFile } from "../linux/file.ts";
import { errorCode } from "./fileerror.ts";

/**
 * Reserves an address: the reservation is there with its owner, or not at all.
 *
 * @returns false when somebody has the address.
 */
export function createReservation(directory: string, address: Address, owner: string): boolean {
  // Written under another name and linked: whenever the process dies, the address has an owner whose DEL will find it.
  const unfinished = join(directory, unfinishedName);
  writeUnfinished(unfinished, owner);
  try {
    linkSync(unfinished, join(directory, address.toString()));
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw error;
  } finally {
    removeQuietly(unfinished);
  }
}

/** Removes what a crash left of a reservation, if that can be done; it is in nobody's way. */
export function removeLeftover(directory: string, address: Address): void {
  removeQuietly(join(directory, address.toString()));
}

export function removeReservation(directory: string, address: Address): void {
  try {
    unlinkSync(join(directory, address.toString()));
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
}

/**
 * Whose the address is: the reservation's content without surrounding white space, or undefined when there is none.
 *
 * Empty, or all zeros as a power failure leaves it, it is nobody's: whoever was writing it died, since all writers hold
 * the lock.
 */
export function readReservation(directory: string, address: Address): string | undefined {
  return readContent(join(directory, address.toString()));
}

/**
 * Every reservation with its content as {@link readReservation} gives it. What is no reservation is passed over, but for
 * what a process left that was killed over one.
 */
export function* listReservations(directory: string): Generator<[Address, string]> {
  const entries = opendirSync(directory, { bufferSize: 1024 });
  try {
    for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
      if (entry.name === unfinishedName) removeQuietly(join(directory, unfinishedName));
      if (!/^[0-9a-f:]/.test(entry.name) || entry.isDirectory()) continue;
      const address = parseName(entry.name);
      const content = address && readReservation(directory, address);
      if (address !== undefined && content !== undefined) yield [address, content];
    }
  } finally {
    entries.closeSync();
  }
}

/** The address that was given last from range set number `set`, if that is known. */
export function readLastReserved(directory: string, set: number): Address | undefined {
  const content = readContent(join(directory, `last_reserved_ip.${set}`));
  return content === undefined ? undefined : parseAddress(content);
}

export function writeLastReserved(directory: string, set: number, address: Address): void {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
  const flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW;
  const fd = openSync(join(directory, `last_reserved_ip.${set}`), flags, 0o600);
  try {
    writeWhole(fd, address.toString());
  } finally {
    closeSync(fd);
  }
}

/** Nothing that parses as an address, so that other software takes no notice of what a crash left there. */
const unfinishedName = "unfinished";

function writeUnfinished(path: string, content: string): void {
  const fd = openUnfinished(path);
  try {
    writeWhole(fd, content);
  } catch (error) {
    removeQuietly(path);
    throw error;
  } finally {
    closeSync(fd);
  }
}

function openUnfinished(path: string): number {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
  try {
    return openSync(path, flags, 0o600);
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
    // Of a process that died. Not to be truncated: it may be linked to the reservation already.
    unlinkSync(path);
    return openSync(path, flags, 0o600);
  }
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The next to come upon it tries again.
  }
}

function writeWhole(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
}

function readContent(path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (["ENOENT", "ELOOP", "ENXIO"].includes(errorCode(error) ?? "")) return undefined;
    throw error;
  }
  try {
    const buffer = Buffer.allocUnsafe(1024);
    const length = readSync(fd, buffer, 0, buffer.length, 0);
    const content = length < buffer.length ? buffer.toString("utf8", 0, length) : readRegularFile(path).toString();
    return content.replace(/^\0+$/, "").trim();
  } catch (error) {
    if (errorCode(error) === "EISDIR") return undefined;
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Only the canonical text is what a reservation could be named. */
function parseName(name: string): Address | undefined {
  const address = parseAddress(name);
  return address?.toString() === name ? address : undefined;
}

function parseAddress(text: string): Address | undefined {
  try {
    return Address.parse(text);
  } catch {
    return undefined;
  }
}
