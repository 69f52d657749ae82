import { dhcp4 } from "./family4.ts";
import { dhcp6 } from "./family6.ts";
import type { Protocol } from "./protocol.ts";

/** The protocol of each family. */
export const protocols: Readonly<Record<4 | 6, Protocol>> = { 4: dhcp4, 6: dhcp6 };
