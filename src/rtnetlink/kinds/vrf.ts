import { attributes } from "../../netlink/attributes.ts";
import { u32 } from "../../netlink/codec.ts";

/** IFLA_VRF_* of linux/if_link.h. */
export const vrf = attributes({ table: [1, u32] });
