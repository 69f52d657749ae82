import { readFileSync } from "node:fs";
import { CniError, ErrorCode } from "../../cni/error.ts";
import type { Address, Family } from "../../ip/address.ts";
import type { Prefix } from "../../ip/prefix.ts";
import { hooks, listBaseChains } from "../../nftables/chains.ts";
import type { Owner } from "../owner.ts";
import { isFirewalldRunning, sourceZone, trustSource, untrustSource } from "./firewalld.ts";
import { acceptAddresses, forgetAddresses, isIptablesUsable, missingRule } from "./iptables.ts";
import type { HostFirewall, Publication } from "./publication.ts";
import { openTables } from "./tables.ts";

/** Asks the host's own firewall to let a container's traffic pass. What was asked for already stays as it is. */
export function admit(owner: Owner, { addresses, hostFirewall }: Publication): void {
  const hosts = hostsOf(addresses, hostFirewall);
  if (hostFirewall?.backend === "iptables") acceptAddresses(owner, hosts, hostFirewall.adminChain);
  if (hostFirewall?.backend === "firewalld") for (const host of hosts) trustSource(hostFirewall.zone, host);
}

/** Takes back what {@link admit} asked for; what is gone already, or cannot be reached, is passed over. */
export function dismiss(owner: Owner, { addresses, hostFirewall }: Publication): void {
  const hosts = hostsOf(addresses, hostFirewall);
  if (hostFirewall?.backend === "iptables") forgetAddresses(owner, hosts);
  if (hostFirewall?.backend === "firewalld") for (const host of hosts) untrustSource(hostFirewall.zone, host);
}

/** @throws CniError when the host's firewall does not have what {@link admit} asked for. */
export function checkAdmitted(owner: Owner, { addresses, hostFirewall }: Publication): void {
  const hosts = hostsOf(addresses, hostFirewall);
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

/** The addresses that are the host firewall's business. */
function hostsOf(addresses: readonly Prefix[], hostFirewall: HostFirewall | undefined): Address[] {
  const families: readonly Family[] = (hostFirewall?.backend === "iptables" && hostFirewall.families) || [4, 6];
  return addresses.map(({ address }) => address).filter(({ family }) => families.includes(family));
}

function notAdmitted(what: string): CniError {
  return new CniError(ErrorCode.internal, `Cannot find ${what} as ADD left it: it is not there`, {
    details: "`cnitool firewall reload` restores what was published",
  });
}

/**
 * The host's firewall that has to be asked for a container with addresses of these families: firewalld where it runs,
 * else iptables for each family of which anybody uses it. What no program is there for cannot be asked.
 */
export function findHostFirewall(families: readonly Family[], { adminChain, zone }: Names): HostFirewall | undefined {
  if (isFirewalldRunning()) return { backend: "firewalld", zone };
  const filtered = filteredFamilies().filter((family) => families.includes(family) && isIptablesUsable(family));
  return filtered.length > 0 ? { backend: "iptables", adminChain, families: filtered } : undefined;
}

/** What the configuration calls the places for rules. */
interface Names {
  readonly adminChain: string;
  readonly zone: string;
}

/** The families that have a FORWARD chain of iptables, of either of its backends. */
function filteredFamilies(): Family[] {
  using socket = openTables();
  const chains = listBaseChains(socket).filter(({ name, hook }) => name === "FORWARD" && hook === hooks.forward);
  return ([4, 6] as const).filter((family) => {
    const own = tableFamilies[family];
    return chains.some(({ table }) => table.name === "filter" && table.family === own) || usesLegacyFilter(family);
  });
}

const tableFamilies = { 4: "ip", 6: "ip6" } as const;

/** iptables-legacy has its tables outside nf_tables; the kernel lists those in use. */
function usesLegacyFilter(family: Family): boolean {
  try {
    return readFileSync(`/proc/net/${tableFamilies[family]}_tables_names`, "utf8").split("\n").includes("filter");
  } catch {
    return false;
  }
}
