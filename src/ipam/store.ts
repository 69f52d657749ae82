import { lstatSync, statSync } from "node:fs";
import { join } from "node:path";
import { CniError, ErrorCode } from "../cni/error.ts";
import type { Address } from "../ip/address.ts";
import { makeDirectories } from "../linux/file.ts";
import { lockFile } from "../linux/lock.ts";
import {
  createReservation,
  listReservations,
  readLastReserved,
  readReservation,
  removeReservation,
  writeLastReserved,
} from "./directory.ts";
import { doing, errorCode } from "./fileerror.ts";
import { KeptIndex } from "./keptindex.ts";
import { formatBareOwner, formatOwner, type Owner } from "./owner.ts";

/** Where the Go suite keeps reservations, and Berth too. */
export const defaultDataDir = "/var/lib/cni/networks";

/**
 * The reservations of one network, locked for this process until disposed.
 *
 * The truth is in the directory ({@link import("./directory.ts")}). What would need all of it to be read is answered by an
 * index beside it ({@link KeptIndex}).
 *
 * Nothing is synced to disk: after a power failure no container is left to own what was lost. A new boot means a new index.
 */
export class ReservationStore implements Disposable {
  readonly directory: string;
  readonly #resources = new DisposableStack();
  readonly #index: KeptIndex;

  private constructor(dataDir: string, network: string) {
    this.directory = join(dataDir, network);
    // No network's name begins with a dot.
    this.#index = new KeptIndex(this.directory, join(dataDir, `.${network}.index`));
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
    store.#resources.use(store.#index);
    return store;
  }

  nextFree(address: Address): Address | undefined {
    return this.#index.ask((index) => index.nextFree(address));
  }

  /** @throws CniError (io). */
  reserve(address: Address, owner: Owner): boolean {
    const content = formatOwner(owner);
    const create = () => createReservation(this.directory, address, content);
    if (this.#alter(`reserve ${address}`, create)) {
      this.#index.note((index) => index.add(address, content));
      return true;
    }
    const holder = this.holderOf(address);
    if (holder === "") {
      this.#alter(`reserve ${address}`, () => {
        removeReservation(this.directory, address);
        create();
      });
      this.#index.rebuild();
      return true;
    }
    const known = () => this.#index.ask((index) => index.addressesOf(holder ?? ""));
    if (holder !== undefined && !known().some((held) => held.equals(address))) this.#index.rebuild();
    return false;
  }

  /** @throws CniError (io). */
  release(address: Address): void {
    const holder = this.holderOf(address);
    if (holder === undefined) return;
    this.#alter(`release ${address}`, () => removeReservation(this.directory, address));
    this.#index.note((index) => index.remove(address, holder));
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
    if (this.#index.isFresh) return false;
    this.#index.rebuild();
    return true;
  }

  /**
   * Releases the reservations from before this boot, whose containers are gone; once in each boot.
   *
   * @param bootTime milliseconds since 1970.
   */
  releaseOlderThan(bootTime: number): void {
    this.#index.oncePerBoot(() => {
      for (const [address] of this.list()) {
        const { mtimeMs } = statSync(join(this.directory, address.toString()));
        if (mtimeMs < bootTime) this.release(address);
      }
    });
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }

  #heldAs(content: string): Address[] {
    const held = () => this.#index.ask((index) => index.addressesOf(content));
    const isTheirs = (address: Address) => this.holderOf(address) === content;
    if (!held().every(isTheirs)) this.#index.rebuild();
    return held().filter(isTheirs);
  }

  /** Makes one change to the directory, wholly or not at all. */
  #alter<Outcome>(what: string, change: () => Outcome): Outcome {
    this.#index.unseal();
    return doing(`${what} in ${this.directory}`, change);
  }
}

function lockDirectory(directory: string, attempts = 10): Disposable {
  makeDirectories(directory, 0o755);
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
