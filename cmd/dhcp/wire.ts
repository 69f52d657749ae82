import { isObject, type JsonObject } from "../../src/cni/json.ts";
import type { AttachmentKey } from "../../src/cni/plugin.ts";
import type { ErrorObject } from "../../src/cni/report.ts";

/** Where the daemon listens. */
export const defaultSocket = "/run/cni/dhcp.sock";

/**
 * What the plugin asks of the daemon: one request on a connection, a JSON object in a line of its own. Until it has the
 * answer, another line, the daemon sends empty lines: it is at work.
 */
export type Request =
  | (Client & { readonly verb: "ADD" })
  | (Holder & { readonly verb: "CHECK" | "DEL" })
  | { readonly verb: "GC"; readonly network: string; readonly valid: readonly AttachmentKey[] }
  | { readonly verb: "STATUS" };

export interface Answer {
  /** Of ADD: a result of version 1.1.0. */
  readonly result?: JsonObject | undefined;
  readonly error?: ErrorObject | undefined;
}

/** Whose lease. */
export interface Holder extends AttachmentKey {
  readonly network: string;
}

/** Who wants a lease, and how. */
export interface Client extends Holder {
  /** Absolute path of the network namespace. */
  readonly netns: string;
  readonly wishes: Wishes;
}

export interface Wishes {
  readonly families: readonly (4 | 6)[];
  /** The text that the client's identity follows from. */
  readonly who: string;
  readonly hostName?: string | undefined;
  /** Codes of options. */
  readonly request: readonly number[];
  /** Options to send: codes with values in hex. */
  readonly provide: readonly (readonly [code: number, value: string])[];
  /** Metric of the routes. */
  readonly priority?: number | undefined;
}

/** Between empty lines. */
export const SIGN_OF_LIFE_MS = 2000;
/** Far more than any request has. */
export const LONGEST_LINE = 4 * 1024 * 1024;

const name = /^[a-zA-Z0-9][\w.-]*$/;
const ifname = /^[^/:\s]{1,15}$/;

/** A request as it came. @throws Error saying what is wrong with it. */
export function readRequest(line: string): Request {
  const value: unknown = JSON.parse(line);
  if (!isObject(value)) throw malformed("is no object");
  const { verb, network, containerID, netns, wishes, valid } = value;
  if (verb === "STATUS") return value as unknown as Request;
  if (typeof network !== "string" || !name.test(network)) throw malformed("names no network");
  if (verb === "GC" && Array.isArray(valid)) return value as unknown as Request;
  if (typeof containerID !== "string" || !name.test(containerID)) throw malformed("names no container");
  if (typeof value["ifname"] !== "string" || !ifname.test(value["ifname"])) throw malformed("names no interface");
  if (verb === "DEL" || verb === "CHECK") return value as unknown as Request;
  if (verb !== "ADD") throw malformed(`has the verb ${JSON.stringify(verb)}`);
  if (typeof netns !== "string" || !netns.startsWith("/")) throw malformed("names no namespace");
  if (!isObject(wishes) || !["families", "request", "provide"].every((key) => Array.isArray(wishes[key]))) {
    throw malformed("has no wishes");
  }
  return value as unknown as Request;
}

function malformed(what: string): Error {
  return new Error(`Cannot read a request: it ${what}`);
}
