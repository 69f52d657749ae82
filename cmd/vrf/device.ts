import { readLayer3, restoreLayer3 } from "../../src/attach/layer3.ts";
import type { NetworkStack } from "../../src/attach/stack.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import {
  addLink,
  deleteLink,
  getLink,
  type Link,
  LinkFlag,
  listLinks,
  setLink,
  setLinkUp,
} from "../../src/rtnetlink/link.ts";
import { listRoutes, RouteTable } from "../../src/rtnetlink/route.ts";
import { listRules } from "../../src/rtnetlink/rule.ts";
import type { VrfConfig } from "./config.ts";

/** A container's VRF. */
export interface Vrf {
  readonly index: number;
  readonly name: string;
  readonly table: number;
}

/** @returns undefined when there is no VRF of that name. */
export function findVrf(container: NetworkStack, name: string): Vrf | undefined {
  const link = name === "" ? undefined : getLink(container.route, { name });
  return link && asVrf(link);
}

/**
 * Makes the VRF, or takes the one there is, and sets it up. Disposing of it removes one that has no interface.
 *
 * @throws CniError (invalidConfig) when the name is some other link's, or the VRF's table another than the one asked for.
 */
export function ensureVrf(container: NetworkStack, { name, table }: VrfConfig): Vrf & Disposable {
  using undo = new DisposableStack();
  if (getLink(container.route, { name }) === undefined) {
    undo.defer(() => removeUnusedVrf(container, name));
    const data = { table: table || freeTable(container) };
    addLink(container.route, { name, info: { kind: "vrf", data } });
  }
  const link = getLink(container.route, { name });
  const vrf = link && asVrf(link);
  if (link === undefined || vrf === undefined) throw notVrf(name, link);
  if (table !== 0 && vrf.table !== table) throw otherTable(vrf, table);
  if (!(link.flags & LinkFlag.up)) setLinkUp(container.route, link);
  const made = undo.move();
  return { ...vrf, [Symbol.dispose]: () => made.dispose() };
}

export function removeUnusedVrf(container: NetworkStack, name: string): void {
  const vrf = findVrf(container, name);
  if (vrf !== undefined && !portsOf(container, vrf)) deleteLink(container.route, vrf);
}

/**
 * Puts an interface into a VRF with its addresses and routes, those of the main table into the VRF's: the kernel takes the
 * interface down for it, and IPv6 addresses and routes are lost then. Disposing of it takes it out again.
 */
export function joinVrf(container: NetworkStack, { index, name }: Link, vrf: Vrf): Disposable {
  const before = readLayer3(container, index);
  using undo = new DisposableStack();
  undo.defer(() => {
    leaveVrf(container, { index, name }, vrf);
    restoreLayer3(container, index, before);
  });
  setLink(container.route, `put ${name} into ${vrf.name}`, { index, master: vrf.index });
  const { addresses, routes } = before;
  const moved = routes.map((route) => (route.table === RouteTable.main ? { ...route, table: vrf.table } : route));
  restoreLayer3(container, index, { addresses, routes: moved });
  return undo.move();
}

/** Takes an interface out of a VRF that it is in. */
export function leaveVrf(container: NetworkStack, { index, name }: Pick<Link, "index" | "name">, vrf: Vrf): void {
  if (getLink(container.route, { index })?.master !== vrf.index) return;
  setLink(container.route, `take ${name} out of ${vrf.name}`, { index, master: 0 });
}

function asVrf({ index, name, info }: Link): Vrf | undefined {
  return info?.kind === "vrf" ? { index, name, table: info.data?.table ?? 0 } : undefined;
}

function portsOf(container: NetworkStack, { index }: Vrf): boolean {
  return listLinks(container.route, { master: index }).some(({ master }) => master === index);
}

/** The first table that no VRF and no rule has, and no route is in. */
function freeTable(container: NetworkStack): number {
  const families = [4, 6] as const;
  const taken = new Set([
    ...listLinks(container.route).map((link) => asVrf(link)?.table),
    ...families.flatMap((family) => listRules(container.route, family).map(({ table }) => table)),
    ...families.flatMap((family) => listRoutes(container.route, family).map(({ table }) => table)),
  ]);
  let table = 1;
  while (taken.has(table)) table++;
  return table;
}

function notVrf(name: string, found: Link | undefined): CniError {
  const kind = found === undefined ? "nothing" : `a link of kind ${found.info?.kind ?? "ether"}`;
  return new CniError(ErrorCode.invalidConfig, `Cannot use ${name} as VRF: it is none`, {
    details: `vrfname: found ${kind} named ${name}, allowed: the name of a VRF, or of no link`,
  });
}

function otherTable({ name, table }: Vrf, wanted: number): CniError {
  const message = `VRF ${name} already exist with different routing table ${table}`;
  return new CniError(ErrorCode.invalidConfig, message, { details: `table: found ${wanted}, allowed: ${table}, or 0` });
}
