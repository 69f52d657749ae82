import { attributes } from "../../netlink/attributes.ts";
import { bool8, u8, u16, u32 } from "../../netlink/codec.ts";

/** IFLA_BR_* of linux/if_link.h. */
export const bridge = attributes({
  ageingTime: [4, u32],
  stpState: [5, u32],
  vlanFiltering: [7, bool8],
  groupForwardMask: [9, u16],
  multicastSnooping: [23, bool8],
  vlanDefaultPvid: [39, u16],
});

/** IFLA_BRPORT_* of linux/if_link.h: what a bridge keeps for one of its ports. */
export const bridgePort = attributes({
  state: [1, u8],
  hairpin: [4, bool8],
  learning: [8, bool8],
  unicastFlood: [9, bool8],
  proxyArp: [10, bool8],
  neighbourSuppression: [32, bool8],
  isolated: [33, bool8],
});
