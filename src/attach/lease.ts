import { type Lease, leaseAddresses } from "../cni/delegate.ts";
import { field, isObject, type JsonObject } from "../cni/json.ts";
import type { Attachment } from "../cni/plugin.ts";
import { emptyResult } from "../cni/result.ts";

/** What the IPAM plugin `type` gives to an attachment; without one (layer 2) a lease of nothing. */
export function leaseIfAny(attachment: Attachment, type: string | undefined): Lease {
  return type === undefined ? { result: emptyResult(), [Symbol.dispose]: () => {} } : leaseAddresses(attachment, type);
}

/** The IPAM plugin that a configuration names, also one that is wrong elsewhere: DEL and GC still ask it to release. */
export function ipamTypeIn(raw: JsonObject): string | undefined {
  const ipam = field(raw, "ipam");
  const type = isObject(ipam) ? field(ipam, "type") : undefined;
  return typeof type === "string" && type !== "" ? type : undefined;
}
