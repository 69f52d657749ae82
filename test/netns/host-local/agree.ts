// Random operations, served in turns by the Go plugin and by ours on one directory. Before each, the other plugin serves the
// same operation on a copy: both must give the same answer and leave the same files.
//
// usage: agree.ts DIRECTORY [OPERATIONS] [SEED]
import { deepStrictEqual } from "node:assert/strict";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Answer, type Call, callPlugin, randomNumbers, readHolders, readStore, type Which } from "./call.ts";

const [directory = "", operations = "1000", seedText = String(Date.now() % 1e9)] = process.argv.slice(2);
const seed = Number(seedText);
const random = randomNumbers(seed);
const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;

const dataDir = (name: string) => join(directory, name);
const store = (name: string) => join(directory, name, "net");

function configure(name: string, ips: readonly string[] = []): object {
  const ranges = [
    [
      { subnet: "10.1.0.0/28", rangeStart: "10.1.0.4" },
      { subnet: "10.2.0.0/29", gateway: "10.2.0.3" },
    ],
    [{ subnet: "fd00::/123" }],
  ];
  const ipam = { type: "host-local", dataDir: dataDir(name), ranges };
  return { cniVersion: "0.4.0", name: "net", type: "bridge", ipam, args: { cni: { ips } } };
}

interface Operation {
  readonly text: string;
  readonly plant?: readonly [name: string, content: string];
  readonly call?: (name: string) => Call;
}

let containers = 0;

/** Of an owner with addresses a request is never made: there the Go plugin releases on failure what the owner had before. */
function chooseOperation(): Operation {
  const holders = readHolders(store("shared"));
  const held = [...new Set(holders.values())];
  const id = held.length > 0 && random() < 0.15 ? pick(held) : `c${containers++}`;
  const chance = random();
  if (chance < 0.35) return { text: `ADD ${id}`, call: (name) => ({ verb: "ADD", id, config: configure(name) }) };
  if (chance < 0.55 && !held.includes(id)) {
    const ips = [`10.1.0.${Math.floor(random() * 17)}`, `fd00::${Math.floor(random() * 33).toString(16)}`];
    const wanted = ips.slice(0, 1 + Math.floor(random() * 2));
    return { text: `ADD ${id} ${wanted}`, call: (name) => ({ verb: "ADD", id, config: configure(name, wanted) }) };
  }
  if (chance < 0.6 && !held.includes(id)) {
    const args = `IgnoreUnknown=1;IP=10.2.0.${Math.floor(random() * 8)}`;
    return { text: `ADD ${id} ${args}`, call: (name) => ({ verb: "ADD", id, args, config: configure(name) }) };
  }
  if (chance < 0.65) {
    const address = `10.1.0.${4 + Math.floor(random() * 11)}`;
    const content = pick([`${id}p`, `\n${id}p \r\n`, ` ${id}p\r\neth0\n`, `${id}p\r\neth1`]);
    if (!holders.has(address)) return { text: `plant ${address}`, plant: [address, content] };
  }
  const gone = held.length > 0 && random() < 0.9 ? pick(held) : id;
  const verb = chance < 0.72 ? "CHECK" : "DEL";
  return { text: `${verb} ${gone}`, call: (name) => ({ verb, id: gone, config: configure(name) }) };
}

function serve(which: Which, name: string, call: Call): { answer: Answer; files: ReadonlyMap<string, string> } {
  return { answer: callPlugin(which, call), files: readStore(store(name)) };
}

/**
 * What both plugins must have in common: all but the words of an error, and the traces of a failed ADD in
 * last_reserved_ip. Ours judges requests before it looks for addresses, so it may name another of several reasons.
 */
function essence({ answer: { status, ips, error }, files }: ReturnType<typeof serve>): unknown {
  const reasons = ["no IP addresses available", "is not available", "requested IPs", "subnet's gateway"];
  const isRefused = reasons.some((reason) => error.includes(reason));
  const isDuplicate = error.includes("duplicate allocation");
  const lasting = [...files].filter(([file]) => status === 0 || !file.startsWith("last"));
  return { status, ips, isRefused, isDuplicate, files: lasting.map(([file, content]) => [file, content.trim()]) };
}

mkdirSync(store("shared"), { recursive: true });
for (let step = 0; step < Number(operations); step++) {
  const { text, plant, call } = chooseOperation();
  if (plant) writeFileSync(join(store("shared"), plant[0]), plant[1]);
  if (!call) continue;
  const [which, other]: [Which, Which] = random() < 0.5 ? ["go", "ours"] : ["ours", "go"];
  rmSync(store("copy"), { recursive: true, force: true });
  cpSync(store("shared"), store("copy"), { recursive: true });
  const expected = serve(other, "copy", call("copy"));
  const found = serve(which, "shared", call("shared"));
  deepStrictEqual(essence(found), essence(expected), `seed ${seed}, operation ${step}, ${which} and ${other}: ${text}`);
}
console.log(`${operations} operations agree (seed ${seed})`);
