import type { Command } from "commander";
import { networkRequest } from "../../src/cni/call.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import type { NetworkList } from "../../src/cni/netlist.ts";
import { errorText } from "../../src/cni/report.ts";
import { syncOverlay, watchOverlay } from "../vxlan/sync.ts";
import { openNetwork } from "./runtime.ts";
import type { Tool } from "./tool.ts";

export function registerOverlay(program: Command, tool: Tool): void {
  const overlay = program.command("overlay").description("keep this host's side of overlay networks right");
  overlay
    .command("sync <network>")
    .description("make tunnels, entries and routes what the peers are now, and print what was done")
    .option("--watch", "go on, and do it again when the file with the peers changes, or the links of the overlay")
    .action((name: string, { watch = false }: { watch?: boolean }) => {
      const network = { name, raw: vxlanRequest(openNetwork(tool, name)) };
      if (!watch) return tell(tool, name, syncOverlay(network));
      using changes = watchOverlay(network);
      for (let isFirst = true; ; isFirst = false) {
        try {
          const done = syncOverlay(network);
          // What it did itself to a link is news as well.
          if (done.length > 0 || isFirst) tell(tool, name, done);
        } catch (error) {
          // The next list may be right again; until then the peers stay as they are.
          tool.warn(`${name}: ${errorText(error)}`);
        }
        changes.wait();
      }
    });
}

function tell(tool: Tool, name: string, done: readonly string[]): void {
  const lines = done.length > 0 ? done : ["nothing to do"];
  tool.print(lines.map((line) => `${name}: ${line}\n`).join(""));
}

function vxlanRequest(list: NetworkList) {
  const plugin = list.plugins.find(({ type }) => type === "vxlan");
  if (plugin !== undefined) return networkRequest(list, plugin);
  throw new CniError(ErrorCode.invalidConfig, `Cannot sync ${list.name}: it is no overlay network`, {
    details: `plugins: found ${list.plugins.map(({ type }) => type).join(", ")}, allowed: one of type vxlan`,
  });
}
