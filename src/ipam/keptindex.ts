import { statSync, utimesSync } from "node:fs";
import { CniError } from "../cni/error.ts";
import { readSysctl } from "../linux/sysctl.ts";
import { listReservations, removeLeftover } from "./directory.ts";
import { doing } from "./fileerror.ts";
import { removeIndexFile, type Seal } from "./indexfile.ts";
import { ReservationIndex } from "./reservationindex.ts";

/**
 * The index of a directory of reservations, kept in a file from one process to the next.
 *
 * Whether it is still right is seen by the directory's modification time: after its own changes a process sets that to a
 * time in the past and notes it in the index, and whatever anybody does to the directory afterwards, or this process before
 * it dies, brings it to the present.
 */
export class KeptIndex implements Disposable {
  readonly #directory: string;
  readonly #path: string;
  #index: ReservationIndex | undefined;
  /** Whether the file says what the directory says. */
  #isSealed = false;
  #isFresh = false;

  /** @param path the file's. */
  constructor(directory: string, path: string) {
    this.#directory = directory;
    this.#path = path;
  }

  /** Whether it was made by this process. */
  get isFresh(): boolean {
    return this.#isFresh;
  }

  ask<Answer>(question: (index: ReservationIndex) => Answer): Answer {
    try {
      return question(this.#load());
    } catch (error) {
      if (error instanceof CniError) throw error;
      return question(this.rebuild());
    }
  }

  /** To be called before a change to the directory: afterwards it could not be known whether the index was right. */
  unseal(): void {
    this.#load();
    this.#isSealed = false;
  }

  /** Tells the index of a change to the directory. */
  note(change: (index: ReservationIndex) => void): void {
    try {
      change(this.#load());
    } catch {
      this.rebuild();
    }
  }

  /** Makes the index out of the reservations, and removes what a crash left of some. */
  rebuild(): ReservationIndex {
    const index = new ReservationIndex();
    index.releasedIn = this.#index?.releasedIn ?? ReservationIndex.readReleasedIn(this.#path);
    doing(`read the reservations in ${this.#directory}`, () => {
      for (const [address, holder] of listReservations(this.#directory)) {
        if (holder === "") removeLeftover(this.#directory, address);
        else index.add(address, holder);
      }
    });
    this.#index?.[Symbol.dispose]();
    this.#index = index;
    this.#isFresh = true;
    this.#isSealed = false;
    return index;
  }

  /** Does something once in each boot, of which the index keeps a note. */
  oncePerBoot(action: () => void): void {
    const boot = bootId();
    if (this.#load().releasedIn === boot) return;
    action();
    this.#load().releasedIn = boot;
    this.#isSealed = false;
  }

  [Symbol.dispose](): void {
    using index = this.#index;
    if (index !== undefined && !this.#isSealed) this.#seal(index);
  }

  #load(): ReservationIndex {
    if (this.#index !== undefined) return this.#index;
    this.#index = ReservationIndex.open(this.#path, this.#observe());
    this.#isSealed = this.#index !== undefined;
    return this.#index ?? this.rebuild();
  }

  #seal(index: ReservationIndex): void {
    try {
      // What has no reservation needs no index; so none is left of a network that is not used any more.
      if (index.isEmpty) removeIndexFile(this.#path);
      else this.#keep(index);
    } catch {
      // No space left, or a file system that cannot be written: the next process will read all reservations.
    }
  }

  #keep(index: ReservationIndex): void {
    index.keep(this.#path);
    const now = Date.now() / 1000;
    // Whoever changes the directory after this gives it the present time, be the clock as coarse as it may.
    const past = now - 2 - Math.random();
    utimesSync(this.#directory, now, past);
    const seal = this.#observe();
    const isOurs = BigInt(seal.modified) < BigInt(Math.round((past + 1) * 1000)) * 1_000_000n;
    if (isOurs) index.seal(seal);
  }

  #observe(): Seal {
    const { dev, ino, mtimeNs } = statSync(this.#directory, { bigint: true });
    return { boot: bootId(), directory: `${dev}:${ino}`, modified: mtimeNs.toString() };
  }
}

/** The kernel's name for the time since it was started. */
function bootId(): string {
  return readSysctl("kernel/random/boot_id") ?? "";
}
