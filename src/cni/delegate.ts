import { readResult } from "./convert.ts";
import { delegateMark, type Verb } from "./environment.ts";
import { CniError, ErrorCode } from "./error.ts";
import { succeeded } from "./execute.ts";
import { findPlugin } from "./find.ts";
import { invoke } from "./invoke.ts";
import { parseJson } from "./json.ts";
import type { Attachment, Network } from "./plugin.ts";
import type { Result } from "./result.ts";

/** What an IPAM plugin gave to an attachment; disposing of it gives it back. */
export interface Lease extends Disposable {
  /** Addresses (at least one), routes and DNS; no interfaces, and no address has an index of one. */
  readonly result: Result;
}

/**
 * Has the IPAM plugin `type` reserve addresses for an attachment. To be used as `undo.use(leaseAddresses(…))`: when
 * anything after it fails, the delegate's DEL runs, as the specification demands; also when its own ADD failed.
 *
 * @throws CniError of the delegate, or (invalidConfig) when it gave no address.
 */
export function leaseAddresses(attachment: Attachment, type: string): Lease {
  using undo = new DisposableStack();
  undo.defer(() => delegateDel(attachment, type));
  const { ips, routes, dns } = delegateAdd(attachment, type);
  if (ips.length === 0) {
    throw new CniError(ErrorCode.invalidConfig, "IPAM plugin returned missing IP config", {
      details: `ipam.type: ${type}`,
    });
  }
  const result = { interfaces: [], ips: ips.map(({ interface: _, ...ip }) => ip), routes, dns };
  const release = undo.move();
  return { result, [Symbol.dispose]: () => release.dispose() };
}

/** @throws CniError of the delegate. */
export function delegateAdd(attachment: Attachment, type: string): Result {
  const { network } = attachment;
  const stdout = call(network, type, "ADD");
  try {
    return readResult(parseJson(stdout), network.version);
  } catch (error) {
    throw new CniError(ErrorCode.decoding, `failed to unmarshal the result of ${type}`, { cause: error });
  }
}

/** @throws CniError of the delegate. */
export function delegateDel(attachment: Attachment, type: string): void {
  call(attachment.network, type, "DEL");
}

/** @throws CniError of the delegate. */
export function delegateCheck(attachment: Attachment, type: string): void {
  call(attachment.network, type, "CHECK");
}

/** @throws CniError of the delegate. */
export function delegateGc(network: Network, type: string): void {
  call(network, type, "GC");
}

/** @throws CniError of the delegate. */
export function delegateStatus(network: Network, type: string): void {
  call(network, type, "STATUS");
}

/** Calls a plugin with the caller's whole configuration and environment, CNI_COMMAND apart. */
function call(network: Network, type: string, verb: Verb): string {
  const executable = findPlugin(type, network.path);
  const env = { ...network.env, CNI_COMMAND: verb, [delegateMark]: "1" };
  const outcome = invoke(executable, { env, stdin: network.stdin, inProcess: network.inProcess });
  if (outcome.stderr !== "") network.warn(outcome.stderr.trimEnd());
  return succeeded(outcome);
}
