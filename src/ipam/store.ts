import { lstatSync, mkdirSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { CniError, ErrorCode } from "../cni/error.ts";
import type { Address } from "../ip/address.ts";
import { lockFile } from "../linux/lock.ts";
import { readSysctl } from "../linux/sysctl.ts";
import {
  createReservation,
  errorCode,
  formatBareOwner,
  formatOwner,
  listReservations,
  type Owner,
  readLastReserved,
  readReservation,
  removeLeftover,
  removeReservation,
  writeLastReserved,
} from "./directory.ts";
import { ReservationIndex, type Seal } from "./reservationindex.ts";

/** Where the Go suite keeps reservations, and Berth too. */
export const defaultDataDir = "/var/lib/cni/networks";

/**
 * The reservations of one network, locked for this process until disposed.
 *
 * The truth is in the directory ({@link import("./directory.ts")}). What would need all of it to be read is answered by an
 * index beside it. Whether that is still right is seen by the directory's modification time: after its own changes
 * the store sets it to a time in the past and notes it in the index, and whatever anybody does to the directory
 * afterwards, or this process before it dies, brings it to the present.
 *
 * Nothing is synced to disk: after a power failure no container is left to own what was lost. A new boot means a new index.
 */
export class ReservationStore implements Disposable {
  readonly directory: string;
  readonly #indexPath: string;
  readonly #resources = new DisposableStack();
  #index: ReservationIndex | undefined;
  /** Whether the index file says what the directory says. */
  #isSealed = false;
  /** Whether the index was made by this process. */
  #isFresh = false;

  private constructor(dataDir: string, network: string) {
    this.directory = join(dataDir, network);
    // No network's name begins with a dot.
    this.#indexPath = join(dataDir, `.${network}.index`);
  }

  /**
   * Makes the directory if need be, and waits for the lock. Who holds that does so for one ADD or DEL; the kernel frees
   * it when a process dies.
   *
   * @param network a valid network name.
   * @throws CniError (io).
   */
  static open(dataDir: string, network: string): ReservationStore {
    const store = new ReservationStore(dataDir, network);
    const { directory } = store;
    doing(`open the reservations in ${directory}`, () => store.#resources.use(lockDirectory(directory)));
    return store;
  }

  nextFree(address: Address): Address | undefined {
    return this.#ask((index) => index.nextFree(address));
  }

  /** @throws CniError (io). */
  reserve(address: Address, owner: Owner): boolean {
    const content = formatOwner(owner);
    const create = () => createReservation(this.directory, address, content);
    if (this.#alter(`reserve ${address}`, create)) {
      this.#note((index) => index.add(address, content));
      return true;
    }
    const holder = this.holderOf(address);
    if (holder === "") {
      this.#alter(`reserve ${address}`, () => {
        removeReservation(this.directory, address);
        create();
      });
      this.#rebuild();
      return true;
    }
    const isKnown = (index: ReservationIndex) => index.addressesOf(holder ?? "").some((held) => held.equals(address));
    if (holder !== undefined && !this.#ask(isKnown)) this.#rebuild();
    return false;
  }

  /** @throws CniError (io). */
  release(address: Address): void {
    const holder = this.holderOf(address);
    if (holder === undefined) return;
    this.#alter(`release ${address}`, () => removeReservation(this.directory, address));
    this.#note((index) => index.remove(address, holder));
  }

  /** What this owner has; if nothing, what its container has from when reservations named no interface. */
  heldBy(owner: Owner): Address[] {
    const own = this.#heldAs(formatOwner(owner));
    return own.length > 0 ? own : this.#heldAs(formatBareOwner(owner));
  }

  /** The content of the address's reservation, without surrounding white space; undefined when it has none. */
  holderOf(address: Address): string | undefined {
    return doing(`read the reservation of ${address} in ${this.directory}`, () =>
      readReservation(this.directory, address),
    );
  }

  /** Every reservation with its content; that of one left by a crash is empty. */
  list(): Generator<[Address, string]> {
    return listReservations(this.directory);
  }

  lastReserved(set: number): Address | undefined {
    return doing(`read last_reserved_ip.${set} in ${this.directory}`, () => readLastReserved(this.directory, set));
  }

  /** @throws CniError (io). */
  setLastReserved(set: number, address: Address): void {
    this.#alter(`write last_reserved_ip.${set}`, () => writeLastReserved(this.directory, set, address));
  }

  /** Makes a new index, unless this process did: finds what was written into files without making or removing one. */
  recheck(): boolean {
    if (this.#isFresh) return false;
    this.#rebuild();
    return true;
  }

  /**
   * Releases the reservations from before this boot, whose containers are gone; once in each boot.
   *
   * @param bootTime milliseconds since 1970.
   */
  releaseOlderThan(bootTime: number): void {
    const boot = bootId();
    if (this.#loadIndex().releasedIn === boot) return;
    for (const [address] of this.list()) {
      const { mtimeMs } = statSync(join(this.directory, address.toString()));
      if (mtimeMs < bootTime) this.release(address);
    }
    this.#loadIndex().releasedIn = boot;
    this.#isSealed = false;
  }

  [Symbol.dispose](): void {
    using _resources = this.#resources;
    using index = this.#index;
    if (index !== undefined && !this.#isSealed) this.#seal(index);
  }

  #heldAs(content: string): Address[] {
    const held = () => this.#ask((index) => index.addressesOf(content));
    const isTheirs = (address: Address) => this.holderOf(address) === content;
    if (!held().every(isTheirs)) this.#rebuild();
    return held().filter(isTheirs);
  }

  /**
   * Makes one change to the directory, wholly or not at all. The index is opened first: afterwards it could not be known
   * whether it was right.
   */
  #alter<Outcome>(what: string, change: () => Outcome): Outcome {
    this.#loadIndex();
    this.#isSealed = false;
    return doing(`${what} in ${this.directory}`, change);
  }

  /** Tells the index of a change to the directory. */
  #note(change: (index: ReservationIndex) => void): void {
    try {
      change(this.#loadIndex());
    } catch {
      this.#rebuild();
    }
  }

  #ask<Answer>(question: (index: ReservationIndex) => Answer): Answer {
    try {
      return question(this.#loadIndex());
    } catch (error) {
      if (error instanceof CniError) throw error;
      return question(this.#rebuild());
    }
  }

  #loadIndex(): ReservationIndex {
    if (this.#index !== undefined) return this.#index;
    this.#index = ReservationIndex.open(this.#indexPath, this.#observe());
    this.#isSealed = this.#index !== undefined;
    return this.#index ?? this.#rebuild();
  }

  /** Makes the index out of the reservations, and removes what a crash left of some. */
  #rebuild(): ReservationIndex {
    const index = new ReservationIndex();
    index.releasedIn = this.#index?.releasedIn ?? ReservationIndex.readReleasedIn(this.#indexPath);
    doing(`read the reservations in ${this.directory}`, () => {
      for (const [address, holder] of listReservations(this.directory)) {
        if (holder === "") removeLeftover(this.directory, address);
        else index.add(address, holder);
      }
    });
    this.#index?.[Symbol.dispose]();
    this.#index = index;
    this.#isFresh = true;
    this.#isSealed = false;
    return index;
  }

  #seal(index: ReservationIndex): void {
    try {
      // What has no reservation needs no index; so none is left of a network that is not used any more.
      if (index.isEmpty) ReservationIndex.remove(this.#indexPath);
      else this.#keep(index);
    } catch {
      // No space left, or a file system that cannot be written: the next process will read all reservations.
    }
  }

  #keep(index: ReservationIndex): void {
    index.keep(this.#indexPath);
    const now = Date.now() / 1000;
    // Whoever changes the directory after this gives it the present time, be the clock as coarse as it may.
    const past = now - 2 - Math.random();
    utimesSync(this.directory, now, past);
    const seal = this.#observe();
    const isOurs = BigInt(seal.modified) < BigInt(Math.round((past + 1) * 1000)) * 1_000_000n;
    if (isOurs) index.seal(seal);
  }

  #observe(): Seal {
    const { dev, ino, mtimeNs } = statSync(this.directory, { bigint: true });
    return { boot: bootId(), directory: `${dev}:${ino}`, modified: mtimeNs.toString() };
  }
}

/** The kernel's name for the time since it was started. */
function bootId(): string {
  return readSysctl("kernel/random/boot_id") ?? "";
}

function lockDirectory(directory: string, attempts = 10): Disposable {
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  checkDirectory(directory);
  try {
    return lockFile(join(directory, "lock"), 0o750);
  } catch (error) {
    // To remove the directories of all networks is a common cure for leaks; somebody may just be at it.
    if (errorCode(error) !== "ENOENT" || attempts === 0) throw error;
    return lockDirectory(directory, attempts - 1);
  }
}

/** @throws CniError (io): in a directory of somebody else, or behind a link, files could be put in the way of ours. */
function checkDirectory(directory: string): void {
  const stat = lstatSync(directory);
  if (!stat.isDirectory()) throw new CniError(ErrorCode.io, `Cannot use ${directory}: not a directory`);
  const user = process.geteuid?.() ?? 0;
  if (stat.uid === user || stat.uid === 0) return;
  throw new CniError(ErrorCode.io, `Cannot use ${directory}: it belongs to another user`, {
    details: `owner: found user ${stat.uid}, allowed: ${user === 0 ? "root" : `root or user ${user}`}`,
  });
}

/** Runs `action`, and says what it was when the file system refuses it. */
function doing<Outcome>(what: string, action: () => Outcome): Outcome {
  try {
    return action();
  } catch (error) {
    if (errorCode(error) === undefined || error instanceof CniError) throw error;
    throw new CniError(ErrorCode.io, `Cannot ${what}`, { cause: error });
  }
}
