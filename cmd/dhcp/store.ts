import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { userName } from "../../src/attach/users.ts";
import { isObject } from "../../src/cni/json.ts";
import { writeDurably } from "../../src/cni/writedurably.ts";
import type { Mac } from "../../src/ip/mac.ts";
import { makeDirectories } from "../../src/linux/file.ts";
import type { Segment } from "./place.ts";
import type { Client, Holder } from "./wire.ts";

/** A lease as it is kept: the server's message says it all. */
export interface KeptGrant {
  /** In hex. */
  readonly message: string;
  /** When it was asked for, in milliseconds since 1970. */
  readonly at: number;
  /** Where the message came from, where that is known. */
  readonly mac?: Mac | undefined;
  /** The link-local address that it was asked for from (DHCPv6). */
  readonly from?: string | undefined;
}

/** An attachment's leases. */
export interface LeaseRecord extends Client {
  /** The daemon's socket: another daemon minds others. */
  readonly socket: string;
  /** Of the container's link. */
  readonly mac: Mac;
  /** The link of the host by which the container's link reaches the servers. */
  readonly segment?: Segment | undefined;
  /** By family. */
  readonly leases: { readonly 4?: KeptGrant | undefined; readonly 6?: KeptGrant | undefined };
  /** For people, and for what a CNI result has no place for: what the server of DHCPv4 said. */
  readonly options?: object | undefined;
}

/**
 * The leases' directory: a file for each attachment. They outlive the daemon, and the node's start, so that what a server
 * gave can be given back.
 */
export interface Store {
  list(): LeaseRecord[];
  has(holder: Holder): boolean;
  write(record: LeaseRecord): void;
  remove(holder: Holder): void;
  /** Notes that a lease is to be given back, for a daemon that does not run now. */
  condemn(holder: Holder): void;
  isCondemned(holder: Holder): boolean;
}

/** @param prefix what stands before all paths. */
export function openStore(prefix = ""): Store {
  const directory = `${prefix}/var/lib/cni/dhcp`;
  const pathOf = (holder: Holder) => `${directory}/${userName(holder)}`;
  return {
    list: () => names(directory).flatMap((file) => (file.endsWith(lease) ? readRecord(`${directory}/${file}`) : [])),
    has: (holder) => existsSync(pathOf(holder) + lease),
    write(record) {
      makeDirectories(directory, 0o700);
      writeDurably(pathOf(record) + lease, `${JSON.stringify(record, null, 2)}\n`, 0o600);
    },
    remove(holder) {
      for (const kind of [lease, condemned]) rmSync(pathOf(holder) + kind, { force: true });
    },
    condemn: (holder) => writeDurably(pathOf(holder) + condemned, "", 0o600),
    isCondemned: (holder) => existsSync(pathOf(holder) + condemned),
  };
}

const lease = ".json";
const condemned = ".release";

function names(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Nothing for a file that is no record: what somebody wrote there by hand is not ours to judge. */
function readRecord(path: string): LeaseRecord[] {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    const complete =
      isObject(value) && isObject(value["wishes"]) && isObject(value["leases"]) && typeof value["mac"] === "string";
    return complete ? [value as unknown as LeaseRecord] : [];
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
