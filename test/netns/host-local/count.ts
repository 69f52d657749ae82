// Defect 17 of the Go suite: it reads every reservation on every call. Ours makes the same system calls with 100
// reservations as with 5000.
//
// usage: count.ts DIRECTORY
import { ok } from "node:assert/strict";
import { join } from "node:path";
import { addressNumber, type Call, callPlugin, fillStore, readTrace } from "./call.ts";

const [directory = ""] = process.argv.slice(2);
const few = 100;
const many = 5000;

/** The calls of each operation, where there are so many reservations. */
function countCalls(reservations: number): Map<string, number> {
  const dataDir = join(directory, String(reservations));
  fillStore(join(dataDir, "net"), reservations);
  const config = (ipam: object = {}) => ({
    cniVersion: "1.0.0",
    name: "net",
    type: "bridge",
    ipam: { type: "host-local", dataDir, subnet: "10.0.0.0/12", ...ipam },
  });
  const run = (call: Call) => {
    const trace = join(directory, "trace");
    const { status, error } = callPlugin("ours", call, ["strace", "-o", trace]);
    ok(status === 0, `${call.verb} ${call.id}: ${error}`);
    return readTrace(trace).length;
  };
  // The first call makes the index.
  run({ verb: "ADD", id: "first", config: config() });
  // Up to the address of `second`, which is free again by then.
  const almostFull = config({ rangeEnd: addressNumber(reservations + 1) });
  return new Map([
    ["ADD", run({ verb: "ADD", id: "second", config: config() })],
    ["CHECK", run({ verb: "CHECK", id: "second", config: config() })],
    ["ADD of a requested address", run({ verb: "ADD", id: "third", args: "IP=10.9.9.9", config: config() })],
    ["DEL", run({ verb: "DEL", id: "second", config: config() })],
    ["repeated DEL", run({ verb: "DEL", id: "second", config: config() })],
    ["ADD into the only free address", run({ verb: "ADD", id: "fourth", config: almostFull })],
    ["DEL from a full range", run({ verb: "DEL", id: "container-7", config: almostFull })],
    ["ADD into the only free address, after wrapping around", run({ verb: "ADD", id: "fifth", config: almostFull })],
  ]);
}

const counts = countCalls(few);
for (const [operation, count] of countCalls(many)) {
  const before = counts.get(operation) ?? 0;
  console.log(`${operation}: ${before} system calls with ${few} reservations, ${count} with ${many}`);
  // A bucket that flows over, or a node that becomes full, is one more to read and write.
  ok(Math.abs(count - before) <= 6, `${operation}: ${before} system calls became ${count}`);
}
