import type { NetworkStack } from "../../src/attach/stack.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import type { Attachment } from "../../src/cni/plugin.ts";
import type { Result } from "../../src/cni/result.ts";
import type { Address } from "../../src/ip/address.ts";
import type { Prefix } from "../../src/ip/prefix.ts";
import { listRoutes } from "../../src/rtnetlink/route.ts";
import { listRules } from "../../src/rtnetlink/rule.ts";
import type { SbrConfig } from "./config.ts";

/** An address of the interface, and where what comes from it is to look for its way. */
export interface Source {
  readonly address: Prefix;
  readonly table: number;
  /** Of the default route; undefined: none is known. */
  readonly gateway: Address | undefined;
  /** Whether the configuration says the gateway, so that no other counts. */
  readonly fixed: boolean;
}

const firstTable = 100;

/**
 * The addresses that a result gives to the attachment's interface, or to none in particular, each with its table.
 *
 * @throws CniError when the result has no address at all.
 */
export function chooseSources(
  container: NetworkStack,
  { ifname }: Attachment,
  { ips, interfaces }: Result,
  { table, gateways }: SbrConfig,
): Source[] {
  if (ips.length === 0) {
    throw new CniError(ErrorCode.invalidConfig, `No IP addresses supplied on interface: ${ifname}`, {
      details: "prevResult.ips: found none, allowed: at least one",
    });
  }
  const own = ips.filter(({ interface: index = -1 }) => (interfaces[index]?.name ?? ifname) === ifname);
  const tables = table === undefined ? freeTables(container, own.length) : own.map(() => table);
  return own.map(({ address, gateway }, i) => ({
    address,
    table: tables[i] ?? firstTable,
    gateway: gateways[address.family] ?? gateway,
    fixed: gateways[address.family] !== undefined,
  }));
}

/** The first tables that no rule names and no route is in. */
function freeTables(container: NetworkStack, count: number): number[] {
  const families = [4, 6] as const;
  const taken = new Set([
    ...families.flatMap((family) => listRules(container.route, family).map(({ table }) => table)),
    ...families.flatMap((family) => listRoutes(container.route, family).map(({ table }) => table)),
  ]);
  const free: number[] = [];
  for (let table = firstTable; free.length < count; table++) if (!taken.has(table)) free.push(table);
  return free;
}
