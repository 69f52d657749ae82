// kill -9 before each system call that an ADD or DEL makes once it has the lock. Whatever is left: no address has two
// owners, nobody else notices, DEL finds what was reserved, and no address is lost. Our plugin and the Go suite's take
// turns in coming after.
//
// usage: kill.ts DIRECTORY ADD|DEL
import { deepStrictEqual, ok } from "node:assert/strict";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { callPlugin, readHolders, readStore, readTrace, type Which } from "./call.ts";

const [directory = "", verb = ""] = process.argv.slice(2);
if (verb !== "ADD" && verb !== "DEL") throw new Error("usage: kill.ts DIRECTORY ADD|DEL");
const victim = { verb, id: "victim" } as const;
const dataDir = join(directory, "data");
const store = join(dataDir, "net");
const trace = join(directory, "trace");
// 6 addresses beside the gateway of IPv4, and as many sets as a dual-stack pod has.
const ranges = [[{ subnet: "10.1.0.0/29", gateway: "10.1.0.1" }], [{ subnet: "fd00::/125" }]];
const config = {
  cniVersion: "1.0.0",
  name: "net",
  type: "bridge",
  ipam: { type: "host-local", dataDir, ranges },
};
const call = (which: Which, verb: "ADD" | "DEL" | "CHECK", id: string) => callPlugin(which, { verb, id, config });

function traceCalls(): [name: string, ordinal: number][] {
  prepare();
  callPlugin("ours", { ...victim, config }, ["strace", "-o", trace]);
  return readTrace(trace);
}

function prepare(): void {
  rmSync(dataDir, { recursive: true, force: true });
  mkdirSync(dataDir, { recursive: true });
  call("go", "ADD", "first");
  call("ours", "ADD", "second");
  if (verb === "DEL") call("ours", "ADD", "victim");
}

let killed = 0;
for (const [i, [name, ordinal]] of traceCalls().entries()) {
  prepare();
  const inject = ["-e", `trace=${name}`, "-e", `inject=${name}:signal=KILL:when=${ordinal}`];
  const { status } = callPlugin("ours", { ...victim, config }, ["strace", "-o", trace, ...inject]);
  if (status === null) killed++;
  const where: string = `killed before ${name} number ${ordinal} of ${verb}`;

  const holders = readHolders(store);
  deepStrictEqual([holders.get("10.1.0.2"), holders.get("10.1.0.3")], ["first", "second"], where);
  for (const [file, content] of readStore(store)) {
    if (file.startsWith("last")) continue;
    ok(/^\w+\r\neth0$/.test(content), `${where}: ${file} holds ${JSON.stringify(content)}`);
  }
  const next = call(i % 2 === 0 ? "ours" : "go", "ADD", "next");
  deepStrictEqual(next.status, 0, `${where}: ${next.error}`);
  for (const ip of next.ips) ok(!holders.has(ip), `${where}: ${ip} was given to next, and is ${holders.get(ip)}'s`);
  deepStrictEqual(call("ours", "CHECK", "first").status, 0, where);
  deepStrictEqual(call(i % 4 < 2 ? "ours" : "go", "DEL", "victim").status, 0, where);
  ok(![...readHolders(store).values()].includes("victim"), `${where}: victim still has an address`);
  for (const id of ["c4", "c5"]) deepStrictEqual(call("go", "ADD", id).status, 0, `${where}: an address is lost`);
  deepStrictEqual(readHolders(store).size, 10, where);
}
ok(killed > 20, `only ${killed} calls were killed`);
console.log(`killed ${killed} times during ${verb}`);
