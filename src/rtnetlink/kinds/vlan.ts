import { attributes, list } from "../../netlink/attributes.ts";
import { be16, u16, u32 } from "../../netlink/codec.ts";
import { struct } from "../../netlink/struct.ts";

/** `struct ifla_vlan_qos_mapping`: a packet's priority to or from the tag's. */
const qosMapping = struct({ from: u32, to: u32 });

/** IFLA_VLAN_* of linux/if_link.h. */
export const vlan = attributes({
  id: [1, u16],
  flags: [2, struct({ flags: u32, mask: u32 })],
  egressQos: [3, list(1, qosMapping)],
  ingressQos: [4, list(1, qosMapping)],
  protocol: [5, be16],
});
