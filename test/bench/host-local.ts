// What an ADD, DEL or CHECK costs with 0 to 50,000 reservations in one /12, or one
// IPv6 /64: whole processes, ours and the Go plugin's in
// turns. The bound for ours is 1.2 times the cost with none.
//
// usage: test/bench/host-local.ts [RUNS] [RESERVATIONS,…]
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  addressNumber,
  type Call,
  callPlugin,
  fillStore,
  ipv6AddressNumber,
  type Which,
} from "../netns/host-local/call.ts";

const [runsText = "21", sizesText = "0,1000,10000,50000"] = process.argv.slice(2);
const runs = Number(runsText);
const sizes = sizesText.split(",").map(Number);

type Config = (ipam?: object) => object;

/** Each operation measured, with what is called before and after it, not measured. */
interface Operation {
  readonly name: string;
  readonly before?: Call;
  readonly call: Call;
  readonly after?: Call;
}

interface Network {
  readonly suffix: string;
  readonly subnet: string;
  readonly requested: string;
  readonly numbered: (i: number) => string;
}

const networks: readonly Network[] = [
  { suffix: "", subnet: "10.0.0.0/12", requested: "10.15.0.9", numbered: addressNumber },
  { suffix: " IPv6", subnet: "fd00::/64", requested: "fd00::9:9:9:9", numbered: ipv6AddressNumber },
];

function operationsFor(size: number, { suffix, requested, numbered }: Network, config: Config): Operation[] {
  const add: Call = { verb: "ADD", id: "x", config: config() };
  const del: Call = { verb: "DEL", id: "x", config: config() };
  const almostFull = config({ rangeEnd: numbered(size) });
  const operations: Operation[] = [
    { name: "ADD next", call: add, after: del },
    { name: "ADD requested", call: { ...add, args: `IP=${requested}` }, after: del },
    { name: "ADD only free one", call: { ...add, config: almostFull }, after: del },
    { name: "CHECK", before: add, call: { ...add, verb: "CHECK" }, after: del },
    { name: "DEL", before: add, call: del },
    { name: "DEL repeated", call: del },
  ];
  return operations.map((operation) => ({ ...operation, name: operation.name + suffix }));
}

function configure(dataDir: string, subnet: string): Config {
  return (ipam = {}) => ({
    cniVersion: "1.0.0",
    name: "net",
    type: "bridge",
    ipam: { type: "host-local", dataDir, subnet, ...ipam },
  });
}

function run(which: Which, call: Call | undefined): number {
  if (call === undefined) return 0;
  const start = performance.now();
  const { status, error } = callPlugin(which, call);
  const elapsed = performance.now() - start;
  if (status !== 0) throw new Error(`${which} ${call.verb}: ${error}`);
  return elapsed;
}

/** The lower quartile: what else the machine does only ever adds. */
function typical(times: number[]): number {
  return times.sort((a, b) => a - b)[times.length >> 2] ?? Number.NaN;
}

const root = mkdtempSync(join(tmpdir(), "berth-bench-"));
try {
  const cases = (["ours", "go"] as const).flatMap((which) =>
    networks.flatMap((network) =>
      sizes.flatMap((size) => {
        const dataDir = join(root, which + network.suffix, String(size));
        fillStore(join(dataDir, "net"), size, network.numbered);
        const config = configure(dataDir, network.subnet);
        run(which, { verb: "DEL", id: "nobody", config: config() });
        const operations = operationsFor(size, network, config);
        return operations.map((operation) => ({ which, size, ...operation, times: [] as number[] }));
      }),
    ),
  );
  // All sizes take turns, so that what else the machine does meets all of them.
  const turns = cases.toSorted((a, b) => a.name.localeCompare(b.name));
  for (let i = 0; i < runs; i++) {
    for (const { which, size, before, call, after, times } of turns) {
      if (which === "go" && size > 1000 && i % 8 !== 0) continue;
      run(which, before);
      times.push(run(which, call));
      run(which, after);
    }
  }
  const cost = (which: Which, size: number, name: string) =>
    typical(cases.find((it) => it.which === which && it.size === size && it.name === name)?.times ?? []);
  const line = (cells: readonly (string | number)[]) =>
    console.log(cells.map((cell, i) => (i === 0 ? String(cell).padEnd(26) : String(cell).padStart(10))).join(""));
  line(["ms, lower quartile", ...sizes, "ratio"]);
  for (const name of new Set(cases.map((it) => it.name))) {
    for (const which of ["ours", "go"] as const) {
      const costs = sizes.map((size) => cost(which, size, name));
      const ratio = (costs.at(-1) ?? Number.NaN) / (costs[0] ?? Number.NaN);
      line([
        `${name}, ${which}`,
        ...costs.map((value) => value.toFixed(1)),
        ratio.toFixed(2),
        which === "ours" && ratio > 1.2 ? "> 1.2" : "",
      ]);
    }
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}
