import { CniError, ErrorCode } from "../../cni/error.ts";
import { readSysctl } from "../../linux/sysctl.ts";
import { listRules } from "../../nftables/rules.ts";
import type { Owner } from "../owner.ts";
import { chainsOf, entriesOf, nameOf, presentOf, routesLoopback, sameData } from "./entries.ts";
import { isEmpty, type Publication } from "./publication.ts";
import { layouts, openTables, tableState } from "./tables.ts";

/**
 * Looks whether the tables hold all that {@link publish} made for an attachment.
 *
 * @throws CniError naming the first element that is missing, leads elsewhere, or is another's; or the rules that are gone.
 */
export function inspect(owner: Owner, publication: Publication): void {
  if (isEmpty(publication)) return;
  using socket = openTables();
  const wanted = entriesOf(owner, publication);
  for (const layout of layouts.filter((layout) => wanted.some((entry) => entry.layout === layout))) {
    const { family, name } = layout.table;
    const state = tableState(socket, layout);
    if (state !== "current") throw missing(`table ${family} ${name}`, `it is ${state}`);
    const present = Map.groupBy(listRules(socket, layout.table), ({ chain }) => chain);
    const own = chainsOf(wanted.filter((entry) => entry.layout === layout));
    for (const { name, rules } of [...layout.chains(), ...own]) {
      const { length } = present.get(name) ?? [];
      if (length !== rules.length) throw missing(`chain ${name}`, `it has ${length} rules of ${rules.length}`);
    }
  }
  const { link } = publication;
  if (link !== undefined && routesLoopback(publication)) {
    const name = `net/ipv4/conf/${link.name}/route_localnet`;
    const value = readSysctl(name);
    if (value !== "1") throw missing(name, `it is ${value ?? "not there"}`);
  }
  const present = new Map(presentOf(socket, wanted).map((entry) => [nameOf(entry), entry.element]));
  for (const entry of wanted) {
    const found = present.get(nameOf(entry));
    const what = `element ${entry.element.key.join(" . ")} of ${entry.set.name}`;
    if (found === undefined) throw missing(what, "it is not there");
    if (!sameData(found, entry.element)) throw missing(what, `it leads to ${JSON.stringify(found.data)}`);
    if (!entry.shared && found.comment !== entry.element.comment) throw missing(what, `it belongs to ${found.comment}`);
  }
}

function missing(what: string, reason: string): CniError {
  return new CniError(ErrorCode.internal, `Cannot find ${what} as ADD left it: ${reason}`, {
    details: "`cnitool firewall reload` makes the tables anew from what was published",
  });
}
