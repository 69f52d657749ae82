import type { Command } from "commander";
import { reload } from "../../src/attach/firewall/collect.ts";
import { allRecords } from "../../src/attach/firewall/publish.ts";
import { formatTable } from "./table.ts";
import type { Tool } from "./tool.ts";

export function registerFirewall(program: Command, tool: Tool): void {
  const firewall = program.command("firewall").description("show and restore what is published on this host");
  firewall
    .command("list", { isDefault: true })
    .description("attachments with masquerading, published ports, isolation or a MAC check")
    .option("--json", "for programs")
    .action(({ json }: { json?: boolean }) => list(tool, json ?? false));
  firewall
    .command("reload")
    .description("make the tables of nf_tables anew, after somebody flushed or changed them")
    .action(() => tool.print(`Attachments restored: ${reload()}\n`));
}

function list(tool: Tool, json: boolean): void {
  const records = allRecords().map(({ owner, parts }) => ({ ...owner, parts }));
  if (json) {
    tool.print(`${JSON.stringify(records, undefined, 2)}\n`);
    return;
  }
  const rows = records.flatMap(({ network, containerID, ifname, parts }) =>
    Object.entries(parts).map(([plugin, { addresses, masquerade, ports, isolation, macSpoofing }]) => [
      network,
      containerID,
      ifname,
      plugin,
      addresses.map(({ address }) => address).join(" "),
      [
        ...(masquerade ? ["masquerade"] : []),
        ...(ports?.mappings ?? []).map(({ protocol, hostIP, hostPort, containerPort, range = 1 }) => {
          const host = hostIP === undefined ? "" : hostIP.family === 6 ? `[${hostIP}]:` : `${hostIP}:`;
          return `${host}${hostPort}:${containerPort}/${protocol}${range > 1 ? `+${range}` : ""}`;
        }),
        ...(isolation ? [isolation.mode] : []),
        ...(macSpoofing ? ["mac"] : []),
      ].join(" "),
    ]),
  );
  tool.print(formatTable(["NETWORK", "CONTAINER", "INTERFACE", "PLUGIN", "ADDRESSES", "PUBLISHED"], rows));
}
