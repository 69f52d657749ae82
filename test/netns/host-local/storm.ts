// 200 ADDs and DELs at once, every other one by the Go plugin, on one network.
//
// usage: storm.ts DIRECTORY
import { deepStrictEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import { type Answer, callPlugin, callPluginAsync, readHolders, type Which } from "./call.ts";

const [directory = ""] = process.argv.slice(2);
const ipam = { type: "host-local", dataDir: directory, subnet: "10.1.0.0/24" };
const config = { cniVersion: "1.0.0", name: "net", type: "bridge", ipam };
const plugin = (i: number): Which => (i % 2 === 0 ? "ours" : "go");

// Full but for 53 addresses, so that ADDs also meet those that DELs are releasing.
for (let i = 0; i < 200; i++) callPlugin("go", { verb: "ADD", id: `old${i}`, config });
const before = readHolders(join(directory, "net"));

const started = performance.now();
const waits: number[] = [];
async function timed(which: Which, verb: "ADD" | "DEL", id: string): Promise<Answer> {
  const answer = await callPluginAsync(which, { verb, id, config });
  waits.push(performance.now() - started);
  return answer;
}

const adds = Array.from({ length: 100 }, (_, i) => () => timed(plugin(i), "ADD", `new${i}`));
const dels = Array.from({ length: 100 }, (_, i) => () => timed(plugin(i + 1), "DEL", `old${i}`));
const mixed = adds.flatMap((add, i) => [dels[i] ?? add, add]);
const answers = await Promise.all(mixed.map((start) => start()));

// An ADD may find the network full while DELs still wait for the lock; a runtime would try again.
const failed = answers.filter(({ status }) => status !== 0);
ok(
  failed.every(({ error }) => error.includes("no IP addresses available")),
  `failed: ${JSON.stringify(failed)}`,
);
const holders = readHolders(join(directory, "net"));
const expected = new Map([...before].filter(([, id]) => Number(id.slice(3)) >= 100));
answers.forEach(({ ips }, i) => {
  for (const ip of ips) {
    ok(!expected.has(ip), `${ip} was given twice: to ${expected.get(ip)} and new${(i - 1) / 2}`);
    expected.set(ip, `new${(i - 1) / 2}`);
  }
});
deepStrictEqual([...holders].sort(), [...expected].sort());
ok(failed.length <= 47, `${failed.length} ADDs found no address`);

for (const id of new Set(holders.values())) callPlugin("ours", { verb: "DEL", id, config });
deepStrictEqual(readHolders(join(directory, "net")).size, 0);
waits.sort((a, b) => a - b);
const at = (share: number) => Math.round(waits[Math.floor(share * (waits.length - 1))] ?? 0);
console.log(`200 at once: half done after ${at(0.5)} ms, 95 % after ${at(0.95)} ms, all after ${at(1)} ms`);
