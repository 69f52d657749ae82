import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import type { Suite } from "./suite.ts";

/**
 * One suite's computer: a network namespace for the host and one for each container, a directory for the state that a
 * configuration names, and mounts of its own where plugins keep state that none names.
 */
export interface Machine extends AsyncDisposable {
  readonly suite: Suite;
  readonly containers: readonly string[];
  readonly state: string;
  /** The path of the namespace of `host` or of a container, as CNI_NETNS gives it. */
  netns(name: string): string;
  /** The command that runs another as the host's. */
  readonly enter: readonly string[];
}

const ownDirectories = "/run/berth /run/cni /var/lib/cni";
const holdMounts = `for path in ${ownDirectories}; do mount -t tmpfs -o mode=755 tmpfs $path; done; echo ready; exec sleep infinity`;

let count = 0;

export async function createMachine(suite: Suite, containers: readonly string[]): Promise<Machine> {
  const prefix = `${suite.name.toLowerCase()}${count++}`;
  const names = ["host", ...containers].map((name) => `${prefix}-${name}`);
  const state = await mkdtemp(join(tmpdir(), `${prefix}-`));
  await execa("sh", [
    "-ec",
    `${names.map((name) => `ip netns add ${name};`).join(" ")}
    ip -n ${prefix}-host link set lo up
    mkdir -p ${state}/networks ${ownDirectories}`,
  ]);
  // A mount namespace lives as long as a process in it. It has the network namespaces' mounts as they are now.
  const holder = execa("unshare", ["--mount", "sh", "-ec", holdMounts], { reject: false });
  await Promise.race([once(holder.stdout, "data"), holder]);
  return {
    suite,
    containers,
    state,
    netns: (name) => `/run/netns/${prefix}-${name}`,
    enter: ["nsenter", `--net=/run/netns/${prefix}-host`, `--mount=/proc/${holder.pid}/ns/mnt`],
    async [Symbol.asyncDispose]() {
      holder.kill("SIGKILL");
      await holder;
      await execa("sh", ["-ec", names.map((name) => `ip netns delete ${name}`).join("; ")]);
      await rm(state, { recursive: true });
    },
  };
}

/** Runs a shell script in the namespace of `host` or of a container; throws when it fails. Returns what it printed. */
export async function runScript(machine: Machine, netns: string, script: string): Promise<string> {
  const names = machine.containers.map((name) => [name, machine.netns(name).replace("/run/netns/", "")]);
  const { stdout } = await execa("nsenter", [`--net=${machine.netns(netns)}`, "sh", "-ec", script], {
    env: { STATE: machine.state, ...Object.fromEntries(names) },
  });
  return stdout;
}
