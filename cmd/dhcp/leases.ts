import { ownerMark } from "../../src/attach/owner.ts";
import { printResult } from "../../src/cni/convert.ts";
import type { JsonObject } from "../../src/cni/json.ts";
import type { Result } from "../../src/cni/result.ts";
import type { Lease } from "../../src/dhcp/lease.ts";
import type { Address } from "../../src/ip/address.ts";
import type { Daemon } from "./daemon.ts";
import { protocols } from "./families.ts";
import type { LeaseRecord } from "./store.ts";

/** Gives back what none of `others` has: a container that took another's place may have its identity, and so its lease. */
export function giveBack(daemon: Daemon, record: LeaseRecord, others: readonly LeaseRecord[] = []): void {
  for (const family of familiesOf(record)) {
    const kept = record.leases[family];
    if (kept === undefined) continue;
    const protocol = protocols[family];
    try {
      const address = protocol.grantOf(record, kept);
      if (others.some((other) => hasAddress(other, record.network, address))) continue;
      const done = protocol.release(daemon, record, kept);
      daemon.log(
        `${ownerMark(record)}: ${done ? "gave back" : "its link has gone, and so it could not give back"} ${address}`,
      );
    } catch (error) {
      daemon.log(`${ownerMark(record)}: ${error}`);
    }
  }
}

function hasAddress(record: LeaseRecord, network: string, address: Address): boolean {
  const { family } = address;
  const kept = record.leases[family];
  return record.network === network && kept !== undefined && protocols[family].grantOf(record, kept).equals(address);
}

export function familiesOf({ leases }: LeaseRecord): (4 | 6)[] {
  return ([4, 6] as const).filter((family) => leases[family] !== undefined);
}

/** What all leases of an attachment say together. @throws Error when one cannot be used. */
export function combineLeases(record: LeaseRecord): Result & Pick<Lease, "mtu" | "options"> {
  const leases = familiesOf(record).flatMap((family) => {
    const kept = record.leases[family];
    return kept === undefined ? [] : [protocols[family].lease(record, kept)];
  });
  const nameservers = leases.flatMap(({ dns }) => dns.nameservers ?? []);
  const search = [...new Set(leases.flatMap(({ dns }) => dns.search ?? []))];
  const domain = leases.find(({ dns }) => dns.domain)?.dns.domain;
  return {
    interfaces: [],
    ips: leases.map(({ ip }) => ip),
    routes: leases.flatMap(({ routes }) => routes),
    dns: {
      ...(nameservers.length > 0 && { nameservers }),
      ...(domain && { domain }),
      ...(search.length > 0 && { search }),
    },
    mtu: leases.find(({ mtu }) => mtu !== undefined)?.mtu,
    ...leases.map(({ options }) => options && { options }).find(Boolean),
  };
}

/** Those as a result of version 1.1.0. */
export function printLeases(record: LeaseRecord): JsonObject {
  return printResult(combineLeases(record), "1.1.0");
}
