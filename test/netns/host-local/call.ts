import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const repository = join(import.meta.dirname, "../../..");

/** The executables: ours, and the Go suite's as Debian has it. */
export const executables = {
  ours: `${process.env["BERTH_BIN"] ?? join(repository, "build/bin")}/host-local`,
  go: `${process.env["GO_BIN"] ?? "/usr/lib/cni"}/host-local`,
} as const;

export type Which = keyof typeof executables;

export interface Call {
  readonly verb: "ADD" | "DEL" | "CHECK";
  readonly id: string;
  readonly config: object;
  /** CNI_ARGS. */
  readonly args?: string;
}

export interface Answer {
  readonly status: number | null;
  /** Addresses without prefix length. */
  readonly ips: readonly string[];
  /** Why it failed; empty when it did not. */
  readonly error: string;
}

export function environment({ verb, id, args = "" }: Call): NodeJS.ProcessEnv {
  return {
    CNI_COMMAND: verb,
    CNI_CONTAINERID: id,
    CNI_NETNS: "/run/netns/none",
    CNI_IFNAME: "eth0",
    CNI_ARGS: args,
    CNI_PATH: "/opt/cni/bin",
  };
}

/** @param wrapper a command to run the plugin under: strace and its options. */
export function callPlugin(which: Which, call: Call, wrapper: readonly string[] = []): Answer {
  const [command = "", ...rest] = [...wrapper, executables[which]];
  const input = JSON.stringify(call.config);
  const { status, stdout, error } = spawnSync(command, rest, {
    input,
    env: { ...environment(call), PATH: process.env["PATH"] },
    encoding: "utf8",
  });
  if (error) throw error;
  return readAnswer(status, stdout);
}

export function callPluginAsync(which: Which, call: Call): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = spawn(executables[which], { env: environment(call), stdio: ["pipe", "pipe", "inherit"] });
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.on("error", reject).on("close", (status) => resolve(readAnswer(status, stdout)));
    child.stdin.end(JSON.stringify(call.config));
  });
}

function readAnswer(status: number | null, stdout: string): Answer {
  if (status === null || stdout === "") return { status, ips: [], error: status === 0 ? "" : "no answer" };
  const value = JSON.parse(stdout) as { ips?: { address: string }[]; msg?: string; details?: string };
  const ips = (value.ips ?? []).map(({ address }) => address.replace(/\/.*/, ""));
  return { status, ips, error: status === 0 ? "" : `${value.msg}; ${value.details}` };
}

/** The reservations in a directory, and last_reserved_ip.N: name and content, sorted. */
export function readStore(directory: string): ReadonlyMap<string, string> {
  const names = readdirSync(directory).filter((name) => /^(last_reserved_ip\.)?[0-9a-f:.]+$/.test(name));
  return new Map(names.sort().map((name) => [name, readFileSync(join(directory, name), "utf8")]));
}

/** Who has which address: container IDs by address. */
export function readHolders(directory: string): Map<string, string> {
  const reservations = [...readStore(directory)].filter(([name]) => !name.startsWith("last"));
  return new Map(reservations.map(([name, content]) => [name, content.trim().split("\r\n")[0] ?? ""]));
}

/** The system calls on files after the lock was taken, out of strace's record: name, and how many of that name came before. */
export function readTrace(file: string): [name: string, ordinal: number][] {
  const counts = new Map<string, number>();
  const calls: [string, number][] = [];
  let isLocked = false;
  for (const line of readFileSync(file, "utf8").split("\n")) {
    const name = /^(\w+)\(/.exec(line)?.[1];
    if (name === undefined) continue;
    const ordinal = (counts.get(name) ?? 0) + 1;
    counts.set(name, ordinal);
    isLocked ||= name === "flock";
    if (isLocked && fileCalls.test(name)) calls.push([name, ordinal]);
  }
  return calls;
}

const fileCalls = /^(flock|open|close|p?read|p?write|getdents|link|unlink|rename|utime|l?stat|fstat|ftrunc|mkdir|exit)/;

/** Reserves the first `count` addresses to give, as the Go plugin would. */
export function fillStore(directory: string, count: number, numbered = addressNumber): void {
  mkdirSync(directory, { recursive: true });
  for (let i = 0; i < count; i++) {
    writeFileSync(join(directory, numbered(i)), `container-${i}\r\neth0`, { mode: 0o600 });
  }
}

/** Address number `i` of 10.0.0.0/12, from 10.0.0.2 on. */
export function addressNumber(i: number): string {
  const value = 2 + i;
  return `10.${value >> 16}.${(value >> 8) & 255}.${value & 255}`;
}

/** Address number `i` of fd00::/64, from fd00::2 on; up to 65,534. */
export function ipv6AddressNumber(i: number): string {
  return `fd00::${(2 + i).toString(16)}`;
}

/** Numbers from 0 to below 1, the same ones for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
