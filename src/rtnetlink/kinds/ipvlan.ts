import { attributes } from "../../netlink/attributes.ts";
import { u16 } from "../../netlink/codec.ts";

/** IFLA_IPVLAN_* of linux/if_link.h. */
export const ipvlan = attributes({
  mode: [1, u16],
  flags: [2, u16],
});

/** enum ipvlan_mode of linux/if_link.h. */
export const ipvlanModes = { l2: 0, l3: 1, l3s: 2 } as const;

/** IPVLAN_F_* of linux/if_link.h; bridge is neither. */
export const ipvlanFlags = { bridge: 0, private: 1, vepa: 2 } as const;
