import { attributes } from "../../netlink/attributes.ts";
import { u16, u32 } from "../../netlink/codec.ts";

/** IFLA_MACVLAN_* of linux/if_link.h. */
export const macvlan = attributes({
  mode: [1, u32],
  flags: [2, u16],
  broadcastQueueLength: [7, u32],
});

/** enum macvlan_mode of linux/if_link.h. */
export const macvlanModes = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const;
