import { readFileSync } from "node:fs";
import { CniError, ErrorCode } from "../../cni/error.ts";
import type { Family } from "../../ip/address.ts";
import { hooks, listBaseChains } from "../../nftables/chains.ts";
import type { Owner } from "../owner.ts";
import { isFirewalldRunning, sourceZone, trustSource, untrustSource } from "./firewalld.ts";
import { acceptAddresses, forgetAddresses, isIptablesUsable, missingRule } from "./iptables.ts";
import type { HostFirewall, Publication } from "./publication.ts";
import { openTables } from "./tables.ts";

/** Asks the host's own firewall to let a container's traffic pass. What was asked for already stays as it is. */
export function admit(owner: Owner, { addresses, hostFirewall }: Publication): void {
  const hosts = addresses.map(({ address }) => address);
  if (hostFirewall?.backend === "iptables") acceptAddresses(owner, hosts, hostFirewall.adminChain);
  if (hostFirewall?.backend === "firewalld") for (const host of hosts) trustSource(hostFirewall.zone, host);
}

/** Takes back what {@link admit} asked for; what is gone already, or cannot be reached, is passed over. */
export function dismiss(owner: Owner, { addresses, hostFirewall }: Publication): void {
  const hosts = addresses.map(({ address }) => address);
  if (hostFirewall?.backend === "iptables") forgetAddresses(owner, hosts);
  if (hostFirewall?.backend === "firewalld") for (const host of hosts) untrustSource(hostFirewall.zone, host);
}

/** @throws CniError when the host's firewall does not have what {@link admit} asked for. */
export function checkAdmitted(owner: Owner, { addresses, hostFirewall }: Publication): void {
  const hosts = addresses.map(({ address }) => address);
  if (hostFirewall?.backend === "iptables") {
    const missing = missingRule(owner, hosts, hostFirewall.adminChain);
    if (missing !== undefined) throw notAdmitted(missing);
  }
  if (hostFirewall?.backend === "firewalld") {
    const { zone } = hostFirewall;
    const missing = hosts.find((host) => sourceZone(host) !== zone);
    if (missing !== undefined) throw notAdmitted(`source ${missing} of firewalld's zone ${zone}`);
  }
}

function notAdmitted(what: string): CniError {
  return new CniError(ErrorCode.internal, `Cannot find ${what} as ADD left it: it is not there`, {
    details: "`cnitool firewall reload` restores what was published",
  });
}

/** The host's firewall that has to be asked: firewalld where it runs, else iptables where anybody uses it. */
export function findHostFirewall(families: readonly Family[]): HostFirewall["backend"] | undefined {
  if (isFirewalldRunning()) return "firewalld";
  return filtersForwarding() && families.every(isIptablesUsable) ? "iptables" : undefined;
}

/** Whether there is a FORWARD chain of iptables, of either of its backends. */
function filtersForwarding(): boolean {
  using socket = openTables();
  const isFilter = ({ table, name, hook }: { table: string; name: string; hook: number }) =>
    table === "filter" && name === "FORWARD" && hook === hooks.forward;
  return listBaseChains(socket).some(isFilter) || usesLegacyFilter();
}

/** iptables-legacy has its tables outside nf_tables; the kernel lists those in use. */
function usesLegacyFilter(): boolean {
  return ["ip_tables_names", "ip6_tables_names"].some((file) => {
    try {
      return readFileSync(`/proc/net/${file}`, "utf8").split("\n").includes("filter");
    } catch {
      return false;
    }
  });
}
