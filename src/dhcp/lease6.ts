import { Prefix } from "../ip/prefix.ts";
import type { Grant } from "./channel.ts";
import { domainList } from "./domainfield.ts";
import { addresses6 } from "./field.ts";
import type { Lease } from "./lease.ts";
import { decodeMessage6, findOption, Option6, readAssociation } from "./message6.ts";
import { leaseTimes } from "./times.ts";

/** With the identifier of the server that is asked to prolong it. */
export interface Lease6 extends Lease {
  readonly server: Buffer;
}

/** T1 and T2, where the server leaves them to the client, of the preferred lifetime (RFC 8415 section 21.4). */
const usual = { renew: 0.5, rebind: 0.8 };
const FOREVER = 0xffffffff;

/**
 * The address alone: which prefixes are on the link, and by whom the world is reached, routers tell the kernel (RFC 4861).
 *
 * @throws Error when the reply holds no address.
 */
export function readLease6({ message: bytes, at }: Grant, iaid: number): Lease6 {
  const message = decodeMessage6(bytes);
  const association = message && readAssociation(message, iaid);
  const given = association?.addresses.find(({ valid }) => valid > 0);
  const server = message && findOption(message, Option6.serverIdentifier);
  if (message === undefined || association === undefined || given === undefined || server === undefined) {
    throw new Error("Cannot use the DHCPv6 server's reply: it has no address and server");
  }
  const { renew, rebind } = association;
  const part = (of: number) => (given.preferred === FOREVER ? undefined : given.preferred * of);
  const nameServers = addresses6.decode(findOption(message, Option6.nameServers) ?? Buffer.alloc(0));
  const search = domainList.decode(findOption(message, Option6.domainSearch) ?? Buffer.alloc(0));
  return {
    ip: { address: Prefix.host(given.address) },
    routes: [],
    dns: { ...(nameServers && { nameservers: nameServers.map(String) }), ...(search && { search }) },
    times: leaseTimes(at, {
      lease: given.valid,
      renew: renew || part(usual.renew),
      rebind: rebind || part(usual.rebind),
    }),
    server,
  };
}
