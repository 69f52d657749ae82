/** Who has an address. A reservation, in the Go suite's format, holds it as text. */
export interface Owner {
  readonly containerID: string;
  readonly ifname: string;
}

/** The content of a reservation. */
export function formatOwner({ containerID, ifname }: Owner): string {
  return `${containerID.trim()}\r\n${ifname}`;
}

/** The older form of the content: of whichever interface. */
export function formatBareOwner({ containerID }: Owner): string {
  return containerID.trim();
}

/** What a reservation's content says of its owner; ifname is missing in the older form. */
export function parseOwner(content: string): { containerID: string; ifname?: string } {
  const [containerID = "", ifname] = content.split("\r\n");
  return ifname === undefined ? { containerID } : { containerID, ifname };
}
