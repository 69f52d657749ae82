import { attributes } from "../../netlink/attributes.ts";
import { address, be16, bool8, flag, u8, u32 } from "../../netlink/codec.ts";

/** IFLA_VXLAN_* of linux/if_link.h. */
export const vxlan = attributes({
  vni: [1, u32],
  group: [2, address],
  /** Index of the underlay's link. */
  link: [3, u32],
  local: [4, address],
  ttl: [5, u8],
  learning: [7, bool8],
  ageing: [8, u32],
  proxy: [11, bool8],
  l2miss: [13, bool8],
  l3miss: [14, bool8],
  port: [15, be16],
  group6: [16, address],
  local6: [17, address],
  udpChecksum: [18, bool8],
  udpZeroChecksum6Tx: [19, bool8],
  udpZeroChecksum6Rx: [20, bool8],
  groupBasedPolicy: [23, flag],
});
