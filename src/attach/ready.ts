import { accessSync, constants, readFileSync } from "node:fs";
import { delegateStatus } from "../cni/delegate.ts";
import { CniError, ErrorCode } from "../cni/error.ts";
import type { Network } from "../cni/plugin.ts";
import { readSysctl } from "../linux/sysctl.ts";

/** Capabilities that an ADD needs, by their bit (linux/capability.h): to set up links, and to enter a namespace. */
const neededCapabilities = { CAP_NET_ADMIN: 12, CAP_SYS_ADMIN: 21 } as const;

/** The answer of STATUS where ADD cannot be served. */
export function notAvailable(reason: string, details?: string, cause?: unknown): CniError {
  return new CniError(ErrorCode.notAvailable, `ADD cannot be served: ${reason}`, { details, cause });
}

/** @throws CniError (notAvailable, limitedConnectivity) when the IPAM plugin cannot serve an ADD, or is not there. */
export function checkIpam(network: Network, type: string): void {
  try {
    delegateStatus(network, type);
  } catch (error) {
    const answers: number[] = [ErrorCode.notAvailable, ErrorCode.limitedConnectivity];
    if (error instanceof CniError && answers.includes(error.code)) throw error;
    throw notAvailable(`IPAM plugin ${type}`, undefined, error);
  }
}

/** @throws CniError (notAvailable) when the process may not set up networks. */
export function checkPrivileges(): void {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  for (const [name, bit] of Object.entries(neededCapabilities)) {
    if ((BigInt(`0x${effective}`) >> BigInt(bit)) % 2n === 0n) throw notAvailable(`the process lacks ${name}`);
  }
}

/** @throws CniError (notAvailable) when the host does not forward packets, and cannot be made to. */
export function checkForwarding(): void {
  const name = "net/ipv4/ip_forward";
  if (readSysctl(name) === "1") return;
  try {
    accessSync(`/proc/sys/${name}`, constants.W_OK);
  } catch (error) {
    throw notAvailable(`${name} is off and cannot be written`, undefined, error);
  }
}
