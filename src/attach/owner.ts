import type { AttachmentKey } from "../cni/plugin.ts";
import type { Mac } from "../ip/mac.ts";

/** Whose a kernel object is: an attachment of a network. */
export interface Owner extends AttachmentKey {
  readonly network: string;
}

/** A link's alias holds 255 bytes (IFALIASZ of linux/if.h); names longer than this stand in it as their hash. */
const LONGEST_PART = 75;

/**
 * The mark by which the objects of an attachment are found again, without its namespace and without a prevResult:
 * `berth/<network>/<containerID>/<ifname>`, kept as a link's alias (IFLA_IFALIAS). No part can hold a slash.
 */
export function ownerMark({ network, containerID, ifname }: Owner): string {
  return `${networkMark(network)}${part(containerID)}/${ifname}`;
}

/** Whether an alias is an attachment's mark, and not one of those of links that attachments share. */
export function isOwnerMark(alias: string): boolean {
  return /^berth\/[^/]+\/[^/]+\/[^/]+$/.test(alias);
}

/** A mark as a file's name. No part of it can hold a `+`, apart from the interface's name, which comes last. */
export function markFile(mark: string): string {
  return mark.slice(commonMark.length).replaceAll("/", "+");
}

/** What all marks begin with. */
export const commonMark = "berth/";

/** What the marks of all attachments of a network begin with. */
export function networkMark(network: string): string {
  return `${commonMark}${part(network)}/`;
}

export function ownerOf({ network, containerID, ifname }: AttachmentKey & { network: { name: string } }): Owner {
  return { network: network.name, containerID, ifname };
}

/**
 * The name of the host's end of an attachment's veth pair. It follows from the owner, so that DEL finds the link without
 * looking at the others, and fills the 15 characters that a name may have.
 */
export function hostLinkName(owner: Owner): string {
  return `veth${hash(ownerMark(owner)).slice(0, 11)}`;
}

/**
 * The name of a link that has no mark yet, until both come in one request: the kernel takes an alias for links that are
 * there, not with those that it makes. So whoever is killed between leaves nothing that could be somebody else's.
 *
 * @param text what is made: a link's final name, or its owner's mark.
 */
export function unfinishedName(text: string): string {
  return `new${hash(text).slice(0, 12)}`;
}

/** A locally administered unicast MAC that follows from a text. Set by us, it is none that udev would change. */
export function madeUpMac(text: string): Mac {
  return `02:${hash(text)
    .slice(0, 10)
    .replace(/..(?=.)/g, "$&:")}`;
}

function part(text: string): string {
  return Buffer.byteLength(text) <= LONGEST_PART ? text : `#${hash(text)}`;
}

/**
 * FNV-1a of 64 bits in hex. Marks are compared whole where it matters, so a good spread is enough; loading a
 * cryptographic hash would cost more than the rest of an ADD.
 */
export function hash(text: string): string {
  let value = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) value = BigInt.asUintN(64, (value ^ BigInt(byte)) * 0x100000001b3n);
  return value.toString(16).padStart(16, "0");
}
