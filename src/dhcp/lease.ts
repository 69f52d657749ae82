import type { DNS, IPConfig, Route } from "../cni/result.ts";
import type { Times } from "./times.ts";

/** What a server gave. */
export interface Lease {
  readonly ip: IPConfig;
  readonly routes: readonly Route[];
  readonly dns: DNS;
  /** Of the link, in bytes. */
  readonly mtu?: number | undefined;
  readonly times: Times;
  /** What the server said, for people, and for what has no place above. */
  readonly options?: object;
}
