import { attributes } from "../../netlink/attributes.ts";
import { bool8, u8, u32 } from "../../netlink/codec.ts";

/** IFLA_TUN_* of linux/if_link.h: told alone, since such devices are made by ioctl (src/linux/tap.ts). */
export const tun = attributes({
  owner: [1, u32],
  group: [2, u32],
  /** 1 tun, 2 tap. */
  type: [3, u8],
  multiQueue: [7, bool8],
});
