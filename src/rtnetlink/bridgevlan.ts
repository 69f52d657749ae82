import { attributes, list, nested } from "../netlink/attributes.ts";
import { i32, u8, u16, u32 } from "../netlink/codec.ts";
import { unless } from "../netlink/error.ts";
import { body } from "../netlink/message.ts";
import { struct } from "../netlink/struct.ts";
import type { Writer } from "../netlink/writer.ts";
import { AddressFamily, encodeRequest } from "./request.ts";
import type { RouteSocket } from "./socket.ts";

const RTM_DELLINK = 17;
const RTM_SETLINK = 19;
const RTM_GETVLAN = 114;

/** BRIDGE_VLAN_INFO_* of linux/if_bridge.h. */
export const VlanFlag = { pvid: 0x02, untagged: 0x04, rangeBegin: 0x08, rangeEnd: 0x10 } as const;

/** `struct bridge_vlan_info` of linux/if_bridge.h. */
const vlanInfo = struct({ flags: u16, id: u16 });

/** A port's VLANs as RTM_SETLINK of the bridge family takes them: IFLA_AF_SPEC with IFLA_BRIDGE_VLAN_INFO. */
export const portBody = body(
  struct({ family: u8, _pad: u8, type: u16, index: i32, flags: u32, change: u32 }),
  attributes({ vlans: [nested(26), list(2, vlanInfo)] }),
);

/** `struct br_vlan_msg` of linux/if_bridge.h: it asks for one port's VLANs, without the other ports'. */
const vlanMessage = struct({ family: u8, _reserved1: u8, _reserved2: u16, index: u32 });
/** What follows it in an answer: a BRIDGE_VLANDB_ENTRY for each VLAN or range. */
const vlanEntries = list(nested(1), attributes({ info: [1, vlanInfo], last: [2, u16] }));

/** A range of VLANs. */
export interface PortVlans {
  readonly first: number;
  readonly last: number;
  /** Of {@link VlanFlag}: pvid and untagged. */
  readonly flags: number;
}

export function addPortVlans(socket: RouteSocket, index: number, vlans: readonly PortVlans[]): void {
  socket.request(encodeRequest("add VLANs to a bridge port", RTM_SETLINK, portBody, toBody(index, vlans)));
}

export function deletePortVlans(socket: RouteSocket, index: number, vlans: readonly PortVlans[]): void {
  socket.request(encodeRequest("delete VLANs of a bridge port", RTM_DELLINK, portBody, toBody(index, vlans)));
}

/**
 * The VLANs of one bridge port, or of all.
 *
 * @returns nothing where bridges do not know VLANs.
 */
export function listPortVlans(socket: RouteSocket, index = 0): (PortVlans & { readonly port: number })[] {
  const operation = "list VLANs of bridge ports";
  const write = (out: Writer) => vlanMessage.encode({ family: AddressFamily.bridge, index }, out);
  const messages = unless(["EOPNOTSUPP", "EINVAL"], () => socket.dump({ operation, type: RTM_GETVLAN, write })) ?? [];
  return messages.flatMap(({ body }) => {
    const { index: port } = vlanMessage.decode(body);
    return vlanEntries
      .decode(body.subarray(vlanMessage.size))
      .flatMap(({ info, last }) => (info ? [{ port, first: info.id, last: last ?? info.id, flags: info.flags }] : []));
  });
}

function toBody(index: number, ranges: readonly PortVlans[]) {
  const vlans = ranges.flatMap(({ first, last, flags }) =>
    first === last
      ? [{ id: first, flags }]
      : [
          { id: first, flags: flags | VlanFlag.rangeBegin },
          { id: last, flags: flags | VlanFlag.rangeEnd },
        ],
  );
  return { family: AddressFamily.bridge, index, vlans };
}
