import { CniError } from "../../cni/error.ts";
import type { Address } from "../../ip/address.ts";
import type { NetlinkSocket } from "../../netlink/socket.ts";
import { type Element, findElement, listElements } from "../../nftables/elements.ts";
import type { SetType } from "../../nftables/sets.ts";
import type { Value } from "../../nftables/types.ts";
import { networkMark, type Owner, ownerMark } from "../owner.ts";
import { appliesTo, atOneAddress, type Entry, nameOf, presentOf, sameData } from "./entries.ts";
import { routed, sets } from "./layout.ts";
import { firstAddresses, type PortMapping, type Publication, protocols } from "./publication.ts";

/**
 * The elements that hold a port which a publication wants, under another key than it will have: a port at one address
 * and the same port at all of them, a port and a range that it is in. The kernel sees equal keys alone.
 */
export function findOccupied(socket: NetlinkSocket, publication: Publication): Entry[] {
  const { ports } = publication;
  if (ports === undefined || ports.routed) return [];
  const { table } = routed;
  const find = (set: SetType, key: readonly Value[]): Entry[] => {
    const element = findElement(socket, table, set, { key });
    return element === undefined ? [] : [{ layout: routed, set, element, shared: false }];
  };

  return firstAddresses(publication).flatMap(({ family }) => {
    const { port, portAny, range, rangeAny, published } = sets[family];
    const mappings = ports.mappings.filter((mapping) => appliesTo(mapping, family));
    // Addresses that anything is published at: a handful, whatever the number of containers.
    const everywhere = mappings.some((mapping) => !atOneAddress(mapping));
    const addresses = everywhere ? listElements(socket, table, published).flatMap(({ key }) => key) : [];
    return mappings.flatMap((mapping) => {
      if ((mapping.range ?? 1) > 1) {
        return [port, portAny, range, rangeAny].flatMap((set) =>
          listElements(socket, table, set)
            .filter((element) => overlaps(mapping, element))
            .map((element) => ({ layout: routed, set, element, shared: false })),
        );
      }
      const key = [protocols[mapping.protocol], mapping.hostPort];
      if (atOneAddress(mapping)) {
        return [...find(portAny, key), ...find(rangeAny, key), ...find(range, [mapping.hostIP, ...key])];
      }
      const atAddresses = addresses.flatMap((address) => [
        ...find(port, [address, ...key]),
        ...find(range, [address, ...key]),
      ]);
      return [...find(rangeAny, key), ...atAddresses];
    });
  });
}

/** Whether an element of a port set, whose key ends with protocol and port, meets a mapping. */
function overlaps(mapping: PortMapping, { key, keyEnd = key }: Element): boolean {
  const [protocol, first] = key.slice(-2);
  const last = keyEnd.at(-1);
  const address = key.length > 2 ? key[0] : undefined;
  const samePort =
    protocol === protocols[mapping.protocol] &&
    Number(first) <= mapping.hostPort + (mapping.range ?? 1) - 1 &&
    mapping.hostPort <= Number(last);
  return samePort && (address === undefined || !atOneAddress(mapping) || String(address) === String(mapping.hostIP));
}

/** The elements that have the key of a wanted one: of the network's, those with other data. */
export function findInTheWay(socket: NetlinkSocket, wanted: readonly Entry[]): Entry[] {
  const byName = new Map(wanted.map((entry) => [nameOf(entry), entry]));
  return presentOf(socket, wanted).filter((found) => {
    const entry = byName.get(nameOf(found));
    return entry !== undefined && !(entry.shared && sameData(entry.element, found.element));
  });
}

/** A port that another container has. Beyond the codes that the specification reserves. */
const portTaken = 100;

/**
 * @throws CniError unless all of `entries` may be replaced by what `owner` publishes: they are its own, or their
 *   container is gone, since an address that it had is the owner's now.
 */
export function refuseUnlessReplaceable(owner: Owner, publication: Publication, entries: readonly Entry[]): void {
  const mine = ownerMark(owner);
  const attachment = mine.slice(networkMark(owner.network).length);
  for (const { set, element } of entries) {
    const { comment = "" } = element;
    const ownNetwork = comment === networkMark(owner.network);
    const own = comment.split("/").slice(2).join("/") === attachment;
    if (ownNetwork || own || leadsTo(element, publication)) continue;
    const [, network = "?", containerID = "?", ifname = "?"] = comment.split("/");
    if (set.data === "verdict" && set.key[0] === "ifname") {
      throw new CniError(portTaken, `Cannot isolate ${element.key[0]}: network ${network} does it in another way`, {
        details: `set ${set.name}: found ${comment}, allowed: the same isolation for all networks on one bridge`,
      });
    }
    const [protocol, port] = element.key.slice(-2);
    const name = Object.entries(protocols).find(([, number]) => number === protocol)?.[0] ?? String(protocol);
    const last = element.keyEnd?.at(-1) ?? port;
    throw new CniError(
      portTaken,
      `Cannot publish port ${port === last ? port : `${port}-${last}`}/${name}: another container has it`,
      {
        details: `runtimeConfig.portMappings: port ${port}/${name} is that of container ${containerID}, interface ${ifname}, network ${network}`,
      },
    );
  }
}

function leadsTo({ key, data }: Element, { addresses }: Publication): boolean {
  const values = [...key, ...(Array.isArray(data) ? (data as Value[]) : [])];
  return addresses.some(({ address }) =>
    values.some((value) => typeof value === "object" && address.equals(value as Address)),
  );
}
