import type { Mac } from "../ip/mac.ts";
import { setLink } from "../rtnetlink/link.ts";
import type { NetworkStack } from "./stack.ts";

/**
 * Tells the neighbours of a link which MAC its addresses have now, so that nobody waits on the one that an address had
 * before.
 *
 * Being told the MAC again, the kernel sends a gratuitous ARP and an unsolicited neighbour advertisement for each address
 * of a link that is up with arp_notify and ndisc_notify on (NETDEV_CHANGEADDR in net/ipv4/devinet.c, net/ipv6/ndisc.c);
 * {@link import("./interface.ts").configureInterface} turns them on. Frames of our own would need a packet socket, whose
 * closing waits for all processors (synchronize_net): 7 to 17 ms.
 */
export function announce(stack: NetworkStack, index: number, mac: Mac): void {
  setLink(stack.route, `announce ${mac}`, { index, mac });
}
