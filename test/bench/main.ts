// Whole processes of Berth and of the Go suite in turns, each suite on a host of its own; see run and README.md.
import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { startAgent } from "./agent.ts";
import { type Case, listCases, type Times } from "./cases.ts";
import { addContainer, callChain, type Host, makeHost, suites, type Verb } from "./host.ts";
import { bridge } from "./networks.ts";
import { formatTable, makeRow, type Row } from "./table.ts";
import { canMeasureUsage, measureUsage } from "./usage.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    agent: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    rounds: { type: "string" },
  },
});
const rounds = Number(values.rounds ?? (values.quick ? 5 : 31));
const isWanted = (name: string) => positionals.length === 0 || positionals.some((word) => name.includes(word));
const progress = (text: string) => process.stderr.write(`${text}\n`);

const hosts = [suites.berth, suites.go].map((suite) => makeHost(suite));
for (const { suite } of hosts) addContainer(`${suite.name}-measured`);
const agent = values.agent ? await startAgent(hosts[0] as Host) : undefined;

async function measure(it: Case): Promise<Row[]> {
  const measured = new Map<Verb, Map<Host, number[]>>();
  const note = (host: Host, times: Times) => {
    for (const [verb, time] of Object.entries(times) as [Verb, number][]) {
      const byHost = measured.getOrInsertComputed(verb, () => new Map());
      byHost.getOrInsertComputed(host, () => []).push(time);
    }
  };
  const its = hosts.filter(({ suite }) => it.only === undefined || it.only === suite.name);
  const undo = its.map((host) => it.prepare?.(host));
  // The first round finds nothing in the machine's caches.
  for (let round = -1; round < Math.min(rounds, it.rounds ?? rounds); round++) {
    for (const host of round % 2 === 0 ? its : its.toReversed()) {
      const times = await it.round(host);
      if (round >= 0) note(host, times);
    }
  }
  for (const takeAway of undo) takeAway?.();
  const [berth, go] = hosts as [Host, Host];
  return [...measured].map(([verb, byHost]) => makeRow(`${it.name}: ${verb}`, "ms", byHost.get(berth), byHost.get(go)));
}

function measureUsages(): Row[] {
  if (!canMeasureUsage()) {
    progress("CPU and memory are left out: there is no /usr/bin/time");
    return [];
  }
  const plugin = bridge();
  const usages = Array.from({ length: rounds }, () => hosts.map((host) => measureUsage(host, plugin, agent)));
  const of = (host: number, read: (usage: ReturnType<typeof measureUsage>) => number) =>
    usages.flatMap((round) => round[host] ?? []).map(read);
  const row = (name: string, unit: Row["unit"], read: (usage: ReturnType<typeof measureUsage>) => number) =>
    makeRow(`bridge + host-local, IPv4: ${name} of an ADD`, unit, of(0, read), of(1, read));
  return [row("CPU", "ms", ({ milliseconds }) => milliseconds), row("peak memory", "MB", ({ memory }) => memory / 1e6)];
}

const start = performance.now();
const rows: Row[] = [];
for (const it of listCases(values).filter(({ name }) => isWanted(name))) {
  progress(it.name);
  rows.push(...(await measure(it)));
}
if (isWanted("CPU and memory")) {
  for (const host of hosts) callChain(host, "DEL", `${host.suite.name}-measured`, [bridge()]);
  rows.push(...measureUsages());
}
await agent?.stop();
const machine = {
  processor: cpus()[0]?.model ?? "",
  processors: cpus().length,
  memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
  kernel: release(),
  load: readFileSync("/proc/loadavg", "utf8").split(" ").slice(0, 3).join(" "),
  agent: values.agent,
  rounds,
  seconds: Math.round((performance.now() - start) / 1000),
};
if (values.json) console.log(JSON.stringify({ machine, rows }, undefined, 2));
else {
  const { processors, processor, memory, kernel, load, seconds } = machine;
  console.log(formatTable(rows));
  console.log(
    `\n${processors} × ${processor}, ${memory}, Linux ${kernel}; load ${load}; ${rounds} rounds, ${seconds} s`,
  );
}
