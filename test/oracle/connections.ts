import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { execa } from "execa";
import type { Facts } from "./facts.ts";
import type { Machine } from "./machine.ts";

/** Connections to try: what packets come to, where rules that come to the same may be written in several ways. */
export interface Connections {
  /** Ports, by namespace, that are answered with the namespace's name and the caller's address; tcp and udp. */
  readonly servers: Readonly<Record<string, readonly number[]>>;
  /** `outside tcp 192.0.2.1 8080`: from which namespace, by which protocol, and where to. */
  readonly attempts: readonly string[];
}

const answer = new URL("../netns/answer.mjs", import.meta.url).pathname;
// `head` reads all of a datagram at once. Links may not carry anything for a second, and a first packet of udp may be lost
// while its target is looked for.
const ask = `for try in 1 2 3 4 5; do
  (exec 3<>/dev/$0/$1/$2 && echo hello >&3 && timeout 0.8 head -n 1 <&3 | grep .) 2>/dev/null && exit
  sleep 0.2
done`;

/** Who answers each attempt, and whom it saw: `c1 192.0.2.2`. */
export async function tryConnections(machine: Machine, { servers, attempts }: Connections): Promise<Facts> {
  const running = await Promise.all(
    Object.entries(servers).map(([name, ports]) => startServer(machine, name, ports.map(String))),
  );
  try {
    const tried = attempts.map(async (attempt) => [`connection ${attempt}`, await answerTo(machine, attempt)] as const);
    return new Map(await Promise.all(tried));
  } finally {
    await Promise.all(running.map((stop) => stop()));
  }
}

async function answerTo(machine: Machine, attempt: string): Promise<string> {
  const [from = "", ...to] = attempt.split(" ");
  const enter = `--net=${machine.netns(from)}`;
  // A shell whose input is a socket takes itself for a remote login's and reads ~/.bashrc (bash(1)), which may take long.
  const shell = ["timeout", "5", "bash", "--norc", "-c", ask];
  const { stdout } = await execa("nsenter", [enter, ...shell, ...to], { reject: false });
  return stdout || "nobody";
}

/** @returns what ends it. */
async function startServer(machine: Machine, name: string, ports: readonly string[]): Promise<() => Promise<void>> {
  const ready = `${machine.state}.${name}`;
  const enter = `--net=${machine.netns(name)}`;
  const server = execa("nsenter", [enter, "node", answer, name, ready, ...ports], { reject: false });
  for (let i = 0; !existsSync(ready); i++) {
    if (i === 500) throw new Error(`Cannot start a server in ${name}`);
    await setTimeout(20);
  }
  return async () => {
    server.kill("SIGKILL");
    await server;
    await rm(ready);
  };
}
