import { requireChained, requireLink } from "../../src/attach/chained.ts";
import { mismatch, requirePrevResult } from "../../src/attach/check.ts";
import { lockContainer } from "../../src/attach/containerlock.ts";
import { ownerOf } from "../../src/attach/owner.ts";
import { checkPrivileges } from "../../src/attach/ready.ts";
import { listInvalidRecords, readRecord, writeRecord } from "../../src/attach/record.ts";
import { type NetworkStack, openSandbox } from "../../src/attach/stack.ts";
import type { Plugin } from "../../src/cni/plugin.ts";
import { versions } from "../../src/cni/version.ts";
import { listRoutes } from "../../src/rtnetlink/route.ts";
import { listRules } from "../../src/rtnetlink/rule.ts";
import { configure, configureForRelease, type SbrConfig } from "./config.ts";
import { isRuleOf, kind, type Note, readSources, release, releaseRecorded, writeNote } from "./release.ts";
import { addSourceRule, listMainRoutes, moveRoutes } from "./routes.ts";
import { chooseSources } from "./source.ts";

/** Has packets leave by the interface that their source address belongs to: each address gets a routing table of its own. */
export const plugin: Plugin<SbrConfig> = {
  name: "sbr",
  versions,
  configure,
  configureForRelease,

  add(attachment, config) {
    const prevResult = requireChained(attachment, "This plugin must be called as chained plugin");
    using container = openSandbox(attachment);
    using _lock = lockContainer(container);
    const link = requireLink(container, attachment);
    const sources = chooseSources(container, attachment, prevResult, config);
    using undo = new DisposableStack();
    const routes = config.table === undefined ? listMainRoutes(container, link, sources) : undefined;
    undo.use(writeRecord(kind, attachment, container, writeNote(sources, routes)));
    if (routes !== undefined) undo.use(moveRoutes(container, link, sources, routes, config.addSourceHints));
    for (const source of sources) undo.use(addSourceRule(container, source));
    undo.move();
    return prevResult;
  },

  del: release,

  check(attachment, config) {
    const prevResult = requirePrevResult(attachment);
    using container = openSandbox(attachment);
    requireLink(container, attachment);
    const record = readRecord<Note>(kind, ownerOf(attachment));
    const noted = record === undefined ? undefined : readSources(record.note);
    for (const source of chooseSources(container, attachment, prevResult, config)) {
      const { family, address } = source.address;
      const known = noted?.find((other) => other.address.address.equals(address));
      const rules = listRules(container.route, family);
      // What the Go suite added is not recorded: any table will do.
      const rule = rules.find((rule) =>
        known === undefined ? rule.source?.address.equals(address) : isRuleOf(rule, known),
      );
      if (rule === undefined) throw mismatch(`rules of ${attachment.ifname}`, undefined, `one for ${address}`);
      if (config.table !== undefined && rule.table !== config.table) {
        throw mismatch(`table of ${address}`, rule.table, config.table);
      }
      if (config.table === undefined && source.gateway !== undefined) {
        checkDefaultRoute(container, family, rule.table);
      }
    }
  },

  gc(network) {
    using steps = new DisposableStack();
    for (const record of listInvalidRecords<Note>(kind, network)) steps.defer(() => releaseRecorded(record));
  },

  status: () => checkPrivileges(),
};

function checkDefaultRoute(container: NetworkStack, family: 4 | 6, table: number): void {
  const routes = listRoutes(container.route, family);
  const found = routes.some((route) => route.table === table && route.destination.isDefault);
  if (!found) throw mismatch(`table ${table}`, undefined, "a default route");
}
