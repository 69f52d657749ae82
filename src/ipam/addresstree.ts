import { Address, addressBits } from "../ip/address.ts";
import { keyLength, type Table, valueLength } from "./table.ts";

/**
 * A set of addresses that answers "which is the first one from here on that is not in it" without looking at the others.
 *
 * It is a tree with 256 branches at each node, one for each value of an address's next byte. A node is a bitmap: at the
 * last byte of the addresses in the set, above it of the branches that are full. Nodes without a bit are not stored.
 */
export function addToTree(table: Table, address: Address): void {
  const { bytes } = address;
  for (let depth = bytes.length - 1; depth >= 0; depth--) {
    const isFull = updateNode(table, address, depth, (bits, mask, at) => {
      bits[at] = (bits[at] ?? 0) | mask;
    }).after;
    if (!isFull) return;
  }
}

export function removeFromTree(table: Table, address: Address): void {
  const { bytes } = address;
  for (let depth = bytes.length - 1; depth >= 0; depth--) {
    const wasFull = updateNode(table, address, depth, (bits, mask, at) => {
      bits[at] = (bits[at] ?? 0) & ~mask;
    }).before;
    if (!wasFull) return;
  }
}

/** The first address from `address` on that is not in the set; undefined when the family ends before one. */
export function nextOutsideTree(table: Table, address: Address): Address | undefined {
  const leaf = addressBits[address.family] / 8 - 1;
  let position = address;
  for (let depth = leaf; ; ) {
    const branch = position.bytes[depth] ?? 0;
    const clear = firstClear(readNode(table, position, depth).bits, branch);
    if (clear !== undefined && clear !== branch) position = firstBelow(position, depth, clear);
    if (clear !== undefined && depth === leaf) return position;
    if (clear !== undefined) {
      depth++;
      continue;
    }
    // Nothing is left in this node: on to the branch after the one that it hangs on.
    do depth--;
    while (depth >= 0 && position.bytes[depth] === 255);
    if (depth < 0) return undefined;
    position = firstBelow(position, depth, (position.bytes[depth] ?? 0) + 1);
  }
}

/** The first address of which the bytes before `depth` are those of `address`, and the one there is `branch`. */
function firstBelow(address: Address, depth: number, branch: number): Address {
  const below = BigInt(addressBits[address.family] - 8 * depth);
  return new Address(address.family, ((address.value >> below) << below) + (BigInt(branch) << (below - 8n)));
}

interface Node {
  readonly key: Uint8Array;
  /** What the table holds; undefined: nothing. */
  readonly stored: Uint8Array | undefined;
  readonly bits: Uint8Array;
}

/** The node that branches on the byte number `depth` of `address`. */
function readNode(table: Table, address: Address, depth: number): Node {
  const key = new Uint8Array(keyLength);
  key.set([nodeKind, address.family, depth]);
  key.set(address.bytes.subarray(0, depth), 3);
  const [stored] = table.valuesOf(key);
  return { key, stored, bits: stored ?? new Uint8Array(valueLength) };
}

/** Tells keys of nodes from others in one table. */
const nodeKind = 1;

function updateNode(
  table: Table,
  address: Address,
  depth: number,
  change: (bits: Uint8Array, mask: number, at: number) => void,
): { before: boolean; after: boolean } {
  const { key, stored, bits: old } = readNode(table, address, depth);
  const bits = old.slice();
  const branch = address.bytes[depth] ?? 0;
  change(bits, 1 << (branch & 7), branch >> 3);
  if (bits.every((byte) => byte === 0)) {
    if (stored !== undefined) table.delete(key, stored);
  } else if (stored === undefined) table.add(key, bits);
  else table.replace(key, stored, bits);
  return { before: isFull(old), after: isFull(bits) };
}

function isFull(bits: Uint8Array): boolean {
  return bits.every((byte) => byte === 255);
}

/** The first branch from `branch` on whose bit is not set. */
function firstClear(bits: Uint8Array, branch: number): number | undefined {
  for (let i = branch; i < 256; i++) {
    if (((bits[i >> 3] ?? 0) & (1 << (i & 7))) === 0) return i;
  }
  return undefined;
}
