import type { Address } from "../ip/address.ts";
import { Prefix } from "../ip/prefix.ts";
import { attributes } from "../netlink/attributes.ts";
import { address, text, u8, u32 } from "../netlink/codec.ts";
import { unless } from "../netlink/error.ts";
import { body } from "../netlink/message.ts";
import { RequestFlag } from "../netlink/socket.ts";
import { struct } from "../netlink/struct.ts";
import { addressFamily, encodeRequest } from "./request.ts";
import type { RouteSocket } from "./socket.ts";

const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;

/** IFA_F_* of linux/if_addr.h. */
export const AddressFlag = {
  noDad: 0x02,
  dadFailed: 0x08,
  tentative: 0x40,
  permanent: 0x80,
  /** No route to the address's subnet comes with it. */
  noPrefixRoute: 0x200,
} as const;

/** `struct ifaddrmsg` and IFA_* of linux/if_addr.h. */
export const addressBody = body(
  struct({ family: u8, prefixLength: u8, _flags: u8, scope: u8, index: u32 }),
  attributes({ peer: [1, address], local: [2, address], label: [3, text], broadcast: [4, address], flags: [8, u32] }),
);

/** An address of a link. */
export interface LinkAddress {
  readonly index: number;
  readonly prefix: Prefix;
  /** Of {@link AddressFlag}. */
  readonly flags?: number;
  /** 0 global, 253 link, 254 host (rtnetlink.h: RT_SCOPE_*). */
  readonly scope?: number;
}

/** @throws NetlinkError EEXIST when the link has the address. */
export function addAddress(socket: RouteSocket, { index, prefix, flags = 0, scope = 0 }: LinkAddress): void {
  const { address, length, family } = prefix;
  const request = encodeRequest(
    `add address ${prefix}`,
    RTM_NEWADDR,
    addressBody,
    {
      family: addressFamily(family),
      prefixLength: length,
      scope,
      index,
      local: address,
      peer: address,
      ...(hasBroadcast(prefix) && { broadcast: prefix.last }),
      flags,
    },
    RequestFlag.create | RequestFlag.exclusive,
  );
  socket.request(request);
}

/** @returns false when the link has no such address. */
export function deleteAddress(socket: RouteSocket, { index, prefix }: LinkAddress): boolean {
  const { address: local, length: prefixLength } = prefix;
  const value = { family: addressFamily(prefix.family), prefixLength, index, local };
  const request = encodeRequest(`delete address ${prefix}`, RTM_DELADDR, addressBody, value);
  return unless(["EADDRNOTAVAIL", "ENODEV"], () => socket.request(request)) !== undefined;
}

/** The addresses of one link, or of all. */
export function listAddresses(socket: RouteSocket, index = 0): Required<LinkAddress>[] {
  const messages = socket.dump(encodeRequest("list addresses", RTM_GETADDR, addressBody, { index }));
  return messages.flatMap((message) => {
    const { index, prefixLength, scope, flags = 0, local, peer } = addressBody.decode(message.body);
    const own: Address | undefined = local ?? peer;
    return own === undefined ? [] : [{ index, prefix: new Prefix(own, prefixLength), flags, scope }];
  });
}

/** Point-to-point prefixes (RFC 3021) and single addresses have no broadcast address. */
function hasBroadcast({ family, length }: Prefix): boolean {
  return family === 4 && length < 31;
}
