import {
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CniError, ErrorCode } from "../../../src/cni/error.ts";
import { Address } from "../../../src/ip/address.ts";
import type { Owner } from "../../../src/ipam/owner.ts";
import { ReservationStore } from "../../../src/ipam/store.ts";

let dataDir: string;
let directory: string;
let index: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "berth-store-"));
  directory = join(dataDir, "net");
  index = join(dataDir, ".net.index");
});

afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const owner = (containerID: string, ifname = "eth0"): Owner => ({ containerID, ifname });
const at = (text: string) => Address.parse(text);

function withStore<Outcome>(use: (store: ReservationStore) => Outcome): Outcome {
  using store = ReservationStore.open(dataDir, "net");
  return use(store);
}

/** The reservations, read without any of the code under test. */
function reservations(): Record<string, string> {
  const names = readdirSync(directory).filter((name) => /^[0-9a-f:.]+$/.test(name));
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(directory, name), "utf8")]));
}

/** What the Go plugin does: open, write, close. */
function reserveAsGo(address: string, content: string): void {
  writeFileSync(join(directory, address), content, { flag: "wx", mode: 0o600 });
}

test("writes the Go suite's files, byte for byte", () => {
  withStore((store) => {
    expect(store.reserve(at("10.1.0.2"), owner("c1"))).toBe(true);
    expect(store.reserve(at("fd00:0:0:0:0:0:0:2"), owner("c1", "net1"))).toBe(true);
    store.setLastReserved(0, at("10.1.0.2"));
  });
  expect(readdirSync(directory).sort()).toEqual(["10.1.0.2", "fd00::2", "last_reserved_ip.0", "lock"]);
  expect(reservations()).toEqual({ "10.1.0.2": "c1\r\neth0", "fd00::2": "c1\r\nnet1" });
  expect(readFileSync(join(directory, "last_reserved_ip.0"), "utf8")).toBe("10.1.0.2");
  const mode = (name: string) => statSync(join(directory, name)).mode & 0o777;
  expect([mode("10.1.0.2"), mode("last_reserved_ip.0"), mode("lock"), mode(".")]).toEqual([0o600, 0o600, 0o750, 0o755]);
});

test.each([
  ["c1\r\neth0", ["10.1.0.9"]],
  ["\n c1\r\neth0 \n", ["10.1.0.9"]],
  ["c1", ["10.1.0.9"]],
  [" c1\r\n", ["10.1.0.9"]],
  ["c1\r\neth1", []],
  ["c1\neth0", []],
  ["c11", []],
])("reads %j as the Go suite does", (content, held) => {
  mkdirSync(directory);
  reserveAsGo("10.1.0.9", content);
  expect(withStore((store) => store.heldBy(owner("c1")).map(String))).toEqual(held);
});

test("an interface's own reservations come before those of its container", () => {
  mkdirSync(directory);
  reserveAsGo("10.1.0.8", "c1");
  reserveAsGo("10.1.0.9", "c1\r\neth0");
  expect(withStore((store) => store.heldBy(owner("c1")).map(String))).toEqual(["10.1.0.9"]);
  expect(withStore((store) => store.heldBy(owner("c1", "eth1")).map(String))).toEqual(["10.1.0.8"]);
});

test("takes no notice of what is no reservation, and does not give its name away", () => {
  mkdirSync(join(directory, "10.1.0.4"), { recursive: true });
  writeFileSync(join(directory, "notes"), "c1\r\neth0");
  writeFileSync(join(directory, "FD00::5"), "c1\r\neth0");
  symlinkSync("/etc/passwd", join(directory, "10.1.0.5"));
  withStore((store) => {
    expect(store.heldBy(owner("c1"))).toEqual([]);
    expect(store.reserve(at("10.1.0.4"), owner("c1"))).toBe(false);
    expect(store.reserve(at("10.1.0.5"), owner("c1"))).toBe(false);
  });
  expect(statSync("/etc/passwd").size).toBeGreaterThan(0);
});

test.each([
  ["nothing", ""],
  ["zeros", "\0".repeat(20)],
  ["white space", " \r\n"],
])("defect 10 of the Go suite: a reservation of %s, left by a crash, blocks no address", (_name, content) => {
  withStore((store) => store.reserve(at("10.1.0.2"), owner("c1")));
  reserveAsGo("10.1.0.3", content);
  expect(withStore((store) => store.nextFree(at("10.1.0.2"))?.toString())).toBe("10.1.0.3");
  expect(withStore((store) => store.reserve(at("10.1.0.3"), owner("c2")))).toBe(true);
  expect(reservations()["10.1.0.3"]).toBe("c2\r\neth0");
});

test("a reservation that a power failure emptied behind the index is nobody's", () => {
  withStore((store) => store.reserve(at("10.1.0.2"), owner("c1")));
  withStore((store) => store.reserve(at("10.1.0.3"), owner("c2")));
  truncateSync(join(directory, "10.1.0.2"));
  truncateSync(join(directory, "10.1.0.3"));
  expect(withStore((store) => store.heldBy(owner("c1")))).toEqual([]);
  expect(withStore((store) => store.reserve(at("10.1.0.2"), owner("c3")))).toBe(true);
  expect(withStore((store) => store.recheck() && store.nextFree(at("10.1.0.2"))?.toString())).toBe("10.1.0.3");
});

test("what a killed process was writing is no reservation and in nobody's way", () => {
  withStore((store) => store.reserve(at("10.1.0.2"), owner("c1")));
  writeFileSync(join(directory, "unfinished"), "c");
  expect(withStore((store) => store.reserve(at("10.1.0.3"), owner("c2")))).toBe(true);
  // Killed after the link: the name must go, but not what it is linked to.
  linkSync(join(directory, "10.1.0.3"), join(directory, "unfinished"));
  expect(withStore((store) => store.reserve(at("10.1.0.4"), owner("c3")))).toBe(true);
  expect(reservations()).toEqual({ "10.1.0.2": "c1\r\neth0", "10.1.0.3": "c2\r\neth0", "10.1.0.4": "c3\r\neth0" });
  expect(existsSync(join(directory, "unfinished"))).toBe(false);
});

test("without reservations there is no index", () => {
  withStore((store) => store.reserve(at("10.1.0.2"), owner("c1")));
  expect(statSync(index).mode & 0o777).toBe(0o600);
  withStore((store) => store.release(at("10.1.0.2")));
  expect(readdirSync(dataDir)).toEqual(["net"]);
});

const damages: [name: string, damage: () => void][] = [
  ["lost", () => unlinkSync(index)],
  ["cut in its header", () => truncateSync(index, 100)],
  ["cut in its table", () => truncateSync(index, 5000)],
  [
    "of another version",
    () => writeFileSync(index, readFileSync(index, "latin1").replace("index 1", "index 0"), "latin1"),
  ],
  [
    "of another boot",
    () => writeFileSync(index, readFileSync(index, "latin1").replace(/"boot":"./, '"boot":"!'), "latin1"),
  ],
  ["full of zeros", () => writeFileSync(index, Buffer.alloc(8192))],
  [
    "a directory",
    () => {
      unlinkSync(index);
      mkdirSync(index);
    },
  ],
  [
    "a symbolic link",
    () => {
      unlinkSync(index);
      symlinkSync("/etc/passwd", index);
    },
  ],
  ["of another directory", () => rebuildDirectory()],
];

function rebuildDirectory(): void {
  const { mtime } = statSync(directory);
  const files = reservations();
  rmSync(directory, { recursive: true });
  mkdirSync(`${dataDir}/keeps-the-inode-busy`);
  mkdirSync(directory);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  utimesSync(directory, mtime, mtime);
}

test.each(damages)("an index that is %s is made again", (_name, damage) => {
  withStore((store) => store.reserve(at("10.1.0.2"), owner("c1")));
  withStore((store) => store.reserve(at("10.1.0.3"), owner("c2")));
  damage();
  expect(withStore((store) => store.nextFree(at("10.1.0.2"))?.toString())).toBe("10.1.0.4");
  withStore((store) => {
    expect(store.heldBy(owner("c2")).map(String)).toEqual(["10.1.0.3"]);
    store.release(at("10.1.0.3"));
  });
  expect(reservations()).toEqual({ "10.1.0.2": "c1\r\neth0" });
  expect(statSync("/etc/passwd").size).toBeGreaterThan(0);
});

/** Makes the index believe in the directory as it is: as if the clock had shown the same time twice. */
function forgeSeal(): void {
  const { mtimeNs } = statSync(directory, { bigint: true });
  writeFileSync(index, readFileSync(index, "latin1").replace(/"modified":"\d+"/, `"modified":"${mtimeNs}"`), "latin1");
}

test("an index that is wrong for all its seal gives no address twice, and is made again when that shows", () => {
  withStore((store) => store.reserve(at("10.1.0.2"), owner("c1")));
  withStore((store) => store.reserve(at("10.1.0.3"), owner("c2")));
  reserveAsGo("10.1.0.4", "c4\r\neth0");
  unlinkSync(join(directory, "10.1.0.3"));
  forgeSeal();
  withStore((store) => {
    expect(store.heldBy(owner("c4"))).toEqual([]);
    expect(store.reserve(at("10.1.0.4"), owner("c5"))).toBe(false);
    expect(store.heldBy(owner("c4")).map(String)).toEqual(["10.1.0.4"]);
  });
  expect(withStore((store) => store.nextFree(at("10.1.0.2"))?.toString())).toBe("10.1.0.3");
  writeFileSync(join(directory, "10.1.0.2"), "c9\r\neth0");
  expect(withStore((store) => store.heldBy(owner("c1")))).toEqual([]);
  expect(withStore((store) => store.heldBy(owner("c9")).map(String))).toEqual(["10.1.0.2"]);
});

test("a directory of somebody else is refused", () => {
  if (process.geteuid?.() !== 0) throw new Error("This test needs root, to give a directory away");
  mkdirSync(directory);
  chownSync(directory, 12345, 12345);
  const error = errorOf(() => withStore(() => {}));
  expect(error.code).toBe(ErrorCode.io);
  expect(error.message).toContain("belongs to another user");
  expect(readdirSync(directory)).toEqual([]);
});

test("a lock that is a symbolic link is refused", () => {
  mkdirSync(directory);
  symlinkSync(join(dataDir, "elsewhere"), join(directory, "lock"));
  expect(errorOf(() => withStore(() => {})).message).toContain(`Cannot open the reservations in ${directory}`);
  expect(existsSync(join(dataDir, "elsewhere"))).toBe(false);
});

test("a file in the directory's place is a clear error", () => {
  writeFileSync(directory, "");
  expect(errorOf(() => withStore(() => {})).code).toBe(ErrorCode.io);
});

test("releases what is older than this boot, once", () => {
  const bootTime = Date.now() - 60_000;
  const before = new Date(bootTime - 1000);
  for (const n of [2, 3, 4]) withStore((store) => store.reserve(at(`10.1.0.${n}`), owner(`c${n}`)));
  for (const n of [2, 3]) utimesSync(join(directory, `10.1.0.${n}`), before, before);
  withStore((store) => store.releaseOlderThan(bootTime));
  expect(reservations()).toEqual({ "10.1.0.4": "c4\r\neth0" });
  utimesSync(join(directory, "10.1.0.4"), before, before);
  withStore((store) => store.releaseOlderThan(bootTime));
  // Also when others have been there since, and the index was made again.
  reserveAsGo("10.1.0.9", "c9\r\neth0");
  withStore((store) => store.releaseOlderThan(bootTime));
  expect(Object.keys(reservations())).toEqual(["10.1.0.4", "10.1.0.9"]);
});

// --- Against a model, with everybody else at work -----------------------------------------------------------------

const address = fc.nat(40).map((n) => (n % 2 ? `10.1.0.${n}` : Address.parse("fd00::").plus(BigInt(n)).toString()));
const id = fc.nat(7).map((n) => `c${n}`);
const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant("reserve" as const), address, id }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("release" as const), id }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("goReserve" as const), address, id }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("goCrash" as const), address }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("remove" as const), nth: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("kill" as const), address, id, damaged: fc.nat(8191) }) },
);
type Action = typeof action extends fc.Arbitrary<infer Value> ? Value : never;

test("whatever happens, it says what the files say", () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
      rmSync(directory, { recursive: true, force: true });
      rmSync(index, { recursive: true, force: true });
      mkdirSync(directory);
      const model = new Map<string, string>();
      for (const step of actions) perform(step, model);
      expect(reservations()).toEqual(Object.fromEntries([...model].sort()));
      withStore((store) => {
        for (let n = 0; n < 8; n++) {
          const held = [...model].filter(([, content]) => content === `c${n}\r\neth0`).map(([name]) => name);
          expect(
            store
              .heldBy(owner(`c${n}`))
              .map(String)
              .sort(),
          ).toEqual(held.sort());
        }
        let free = at("10.1.0.1");
        while (model.has(free.toString())) free = free.plus(1n);
        expect(store.nextFree(at("10.1.0.1"))?.toString()).toBe(free.toString());
      });
    }),
    { numRuns: 60 },
  );
});

function perform(step: Action, model: Map<string, string>): void {
  switch (step.type) {
    case "reserve": {
      const isFree = !model.has(step.address);
      expect(withStore((store) => store.reserve(at(step.address), owner(step.id)))).toBe(isFree);
      if (isFree) model.set(step.address, `${step.id}\r\neth0`);
      break;
    }
    case "release":
      withStore((store) => {
        for (const held of store.heldBy(owner(step.id))) {
          expect(model.get(held.toString())).toBe(`${step.id}\r\neth0`);
          store.release(held);
          model.delete(held.toString());
        }
      });
      expect([...model.values()]).not.toContain(`${step.id}\r\neth0`);
      break;
    case "goReserve":
      if (model.has(step.address)) break;
      reserveAsGo(step.address, `${step.id}\r\neth0`);
      model.set(step.address, `${step.id}\r\neth0`);
      break;
    case "goCrash":
      if (model.has(step.address)) break;
      reserveAsGo(step.address, "");
      withStore((store) => store.recheck());
      break;
    case "remove": {
      const name = [...model.keys()][step.nth % Math.max(model.size, 1)];
      if (name === undefined) break;
      unlinkSync(join(directory, name));
      model.delete(name);
      break;
    }
    case "kill": {
      // What a process leaves that died while it wrote the index: the directory changed, and any byte may be wrong.
      if (model.has(step.address)) break;
      withStore((store) => store.reserve(at(step.address), owner(step.id)));
      model.set(step.address, `${step.id}\r\neth0`);
      const bytes = readFileSync(index);
      bytes[step.damaged] = 0xa5;
      writeFileSync(index, bytes);
      utimesSync(directory, new Date(), new Date());
      break;
    }
  }
}

function errorOf(use: () => unknown): CniError {
  try {
    use();
  } catch (error) {
    if (error instanceof CniError) return error;
    throw error;
  }
  throw new Error("Nothing was thrown");
}
