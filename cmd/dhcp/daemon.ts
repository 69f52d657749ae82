import type { Clock, Patience } from "../../src/dhcp/channel.ts";
import type { Loop } from "./loop.ts";
import type { Store } from "./store.ts";

/** What all parts of the daemon use. */
export interface Daemon {
  readonly loop: Loop;
  readonly store: Store;
  readonly clock: Clock;
  readonly patience: Patience;
  /** Path of its socket. */
  readonly socket: string;
  /** Whether servers are to answer to all. */
  readonly broadcast: boolean;
  readonly hostPrefix: string;
  readonly log: (text: string) => void;
}
