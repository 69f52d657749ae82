import { Address } from "../ip/address.ts";
import { type Mac, parseMac } from "../ip/mac.ts";
import { Prefix } from "../ip/prefix.ts";
import { CniError, ErrorCode } from "./error.ts";
import { field, isObject, type JsonObject, jsonType } from "./json.ts";
import type { DNS, Interface, IPConfig, Result, Route } from "./result.ts";
import { type Version, versionAtLeast } from "./version.ts";

/**
 * Reads what a result of `version` holds beside its version.
 *
 * Accepts what plugins in the field are known to print: null for lists, an interface index of -1, addresses and
 * destinations that are absent or `<nil>` (their entries say nothing and are left out).
 *
 * @throws CniError (decoding) naming the path.
 */
export function readResultBody(raw: unknown, version: Version): Result {
  if (raw === null) return { interfaces: [], ips: [], routes: [], dns: {} };
  const root = object(raw, "result");
  const dns = readDns(optional(root, "dns", "dns", object) ?? {});
  if (!versionAtLeast(version, "0.3.0")) return { interfaces: [], ...readLegacy(root), dns };
  return {
    interfaces: objects(root, "interfaces", "interfaces").map(readInterface),
    ips: objects(root, "ips", "ips").flatMap((ip, i) => readIP(ip, `ips[${i}]`, "address")),
    routes: objects(root, "routes", "routes").flatMap((route, i) => readRoute(route, `routes[${i}]`)),
    dns,
  };
}

/** 0.1.0 and 0.2.0: one address for each family, with its routes. */
function readLegacy(root: JsonObject): Pick<Result, "ips" | "routes"> {
  const ips: IPConfig[] = [];
  const routes: Route[] = [];
  for (const key of ["ip4", "ip6"]) {
    const family = optional(root, key, key, object);
    if (family === undefined) continue;
    ips.push(...readIP(family, key, "ip"));
    routes.push(
      ...objects(family, "routes", `${key}.routes`).flatMap((route, i) => readRoute(route, `${key}.routes[${i}]`)),
    );
  }
  return { ips, routes };
}

function readInterface(raw: JsonObject, i: number): Interface {
  const path = `interfaces[${i}]`;
  const mac = optional(raw, "mac", `${path}.mac`, text);
  return {
    name: optional(raw, "name", `${path}.name`, text) ?? "",
    ...given("mac", mac && canonicalMac(mac)),
    ...given("mtu", optional(raw, "mtu", `${path}.mtu`, integer) || undefined),
    ...given("sandbox", optional(raw, "sandbox", `${path}.sandbox`, text) || undefined),
    ...given("socketPath", optional(raw, "socketPath", `${path}.socketPath`, text) || undefined),
    ...given("pciID", optional(raw, "pciID", `${path}.pciID`, text) || undefined),
  };
}

function readIP(raw: JsonObject, path: string, key: "address" | "ip"): IPConfig[] {
  const address = optional(raw, key, `${path}.${key}`, prefix);
  if (address === undefined) return [];
  const index = optional(raw, "interface", `${path}.interface`, integer);
  return [
    {
      address,
      ...given("gateway", optional(raw, "gateway", `${path}.gateway`, ipAddress)),
      ...given("interface", index !== undefined && index >= 0 ? index : undefined),
    },
  ];
}

function readRoute(raw: JsonObject, path: string): Route[] {
  const dst = optional(raw, "dst", `${path}.dst`, prefix);
  if (dst === undefined) return [];
  return [
    {
      dst,
      ...given("gw", optional(raw, "gw", `${path}.gw`, ipAddress)),
      ...given("mtu", optional(raw, "mtu", `${path}.mtu`, integer) || undefined),
      ...given("advmss", optional(raw, "advmss", `${path}.advmss`, integer) || undefined),
      ...given("priority", optional(raw, "priority", `${path}.priority`, integer) || undefined),
      ...given("table", optional(raw, "table", `${path}.table`, integer)),
      ...given("scope", optional(raw, "scope", `${path}.scope`, integer)),
    },
  ];
}

function readDns(raw: JsonObject): DNS {
  return {
    ...given("nameservers", texts(raw, "nameservers", "dns.nameservers")),
    ...given("domain", optional(raw, "domain", "dns.domain", text)),
    ...given("search", texts(raw, "search", "dns.search")),
    ...given("options", texts(raw, "options", "dns.options")),
  };
}

type Reader<Value> = (value: unknown, path: string) => Value;

function optional<Value>(raw: JsonObject, key: string, path: string, read: Reader<Value>): Value | undefined {
  const value = field(raw, key);
  return value === undefined ? undefined : read(value, path);
}

function objects(raw: JsonObject, key: string, path: string): JsonObject[] {
  return optional(raw, key, path, list(object)) ?? [];
}

function texts(raw: JsonObject, key: string, path: string): string[] | undefined {
  return optional(raw, key, path, list(text));
}

function list<Value>(read: Reader<Value>): Reader<Value[]> {
  return (value, path) =>
    Array.isArray(value) ? value.map((item, i) => read(item, `${path}[${i}]`)) : refuse(value, path, "an array");
}

function object(value: unknown, path: string): JsonObject {
  return isObject(value) ? value : refuse(value, path, "an object");
}

function text(value: unknown, path: string): string {
  return typeof value === "string" ? value : refuse(value, path, "a string");
}

function integer(value: unknown, path: string): number {
  return Number.isSafeInteger(value) ? (value as number) : refuse(value, path, "an integer");
}

function prefix(value: unknown, path: string): Prefix | undefined {
  return parse(value, path, "CIDR", Prefix.parse);
}

function ipAddress(value: unknown, path: string): Address | undefined {
  return parse(value, path, "IP", Address.parse);
}

/** `""` and `<nil>` are how Go's libraries print an address that was never set. */
function parse<Value>(value: unknown, path: string, kind: string, read: (text: string) => Value): Value | undefined {
  const given = text(value, path);
  if (given === "" || given === "<nil>") return undefined;
  try {
    return read(given);
  } catch {
    throw new CniError(ErrorCode.decoding, `Cannot read ${path} of the result: invalid ${kind} address: ${given}`);
  }
}

/** A text that is no MAC is kept: it is for other plugins to judge, and none of them reads it. */
function canonicalMac(mac: string): Mac {
  try {
    return parseMac(mac);
  } catch {
    return mac;
  }
}

function refuse(value: unknown, path: string, wanted: string): never {
  throw new CniError(ErrorCode.decoding, `Cannot read the result: ${path} is not ${wanted}`, {
    details: `${path}: found ${jsonType(value)} ${JSON.stringify(value)?.slice(0, 100)}, allowed: ${wanted}`,
  });
}

function given<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
  return value === undefined || value === "" ? {} : ({ [key]: value } as { [K in Key]?: Value });
}
