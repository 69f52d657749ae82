import type { Address } from "../ip/address.ts";
import { CniError, ErrorCode } from "./error.ts";
import { field, isObject, type JsonObject } from "./json.ts";
import { readResultBody } from "./readresult.ts";
import type { DNS, Interface, IPConfig, Result, Route } from "./result.ts";
import { isVersion, type Version } from "./version.ts";

/** Versions between which a result's shape does not change; only within one does a reader accept another version. */
const families: readonly (readonly Version[])[] = [
  ["0.1.0", "0.2.0"],
  ["0.3.0", "0.3.1", "0.4.0"],
  ["1.0.0", "1.1.0"],
];

function familyOf(version: Version): readonly Version[] {
  return families.find((family) => family.includes(version)) ?? [];
}

/**
 * The version of a result: its own, or `assumed` when it names none.
 *
 * @throws CniError (decoding) when it is not a version of the specification.
 */
export function resultVersion(raw: unknown, assumed: Version): Version {
  if (!isObject(raw)) return assumed;
  const named = field(raw, "cniVersion");
  if (named === undefined || named === "") return assumed;
  if (typeof named === "string" && isVersion(named)) return named;
  throw new CniError(ErrorCode.decoding, `unsupported CNI result version ${JSON.stringify(named)}`);
}

/**
 * A result of any version, as JSON gave it. Keys are found without regard to case, null is nothing.
 *
 * @throws CniError (decoding).
 */
export function readResult(raw: unknown, assumed: Version): Result {
  return readResultBody(raw, resultVersion(raw, assumed));
}

/**
 * A `prevResult` within a configuration of version `config`, which must be of the same family.
 *
 * @returns undefined when there is none.
 * @throws CniError (decoding).
 */
export function readPrevResult(raw: unknown, config: Version): Result | undefined {
  if (raw === undefined || raw === null) return undefined;
  const supported = familyOf(config);
  const named = isObject(raw) ? field(raw, "cniVersion") : undefined;
  const version = resultVersion(raw, config);
  const unnamed = named === "" && config !== "0.1.0" && config !== "0.2.0";
  if (unnamed || !supported.includes(version)) {
    throw new CniError(
      ErrorCode.decoding,
      `could not parse prevResult: result type supports [${supported.join(" ")}] ` +
        `but unmarshalled CNIVersion is ${JSON.stringify(named ?? version)}`,
    );
  }
  return readResultBody(raw, version);
}

/**
 * The JSON value of a result in the shape of `version`.
 *
 * @throws CniError (decoding) when 0.1.0 or 0.2.0 is asked for and there is no address: they cannot say that.
 */
export function printResult(result: Result, version: Version): JsonObject {
  return print[families.indexOf(familyOf(version))]?.(result, version) ?? {};
}

/**
 * A result of one version as JSON gave it, as one of version `to`. Within 0.1.0 and 0.2.0 routes keep what their
 * specification does not name, as with the Go libraries; what comes there from newer ones does not.
 *
 * @throws CniError (decoding).
 */
export function convertResult(raw: unknown, assumed: Version, to: string): JsonObject {
  const from = resultVersion(raw, assumed);
  if (!isVersion(to === "" ? "0.1.0" : to)) {
    throw new CniError(ErrorCode.decoding, `no converter for CNI result version ${from} to ${to}`);
  }
  const version = to === "" ? "0.1.0" : (to as Version);
  const result = readResultBody(raw, from);
  const legacy = families[0] ?? [];
  if (legacy.includes(from) && legacy.includes(version)) return printLegacy(result, version, printRoute, false);
  return printResult(result, version);
}

const print: readonly ((result: Result, version: Version) => JsonObject)[] = [
  (result, version) => printLegacy(result, version, ({ dst, gw }) => present({ dst: String(dst), gw: text(gw) }), true),
  (result, version) => ({
    cniVersion: version,
    ...present({
      interfaces: list(result.interfaces, ({ name, mac, sandbox }) => ({ name, ...present({ mac, sandbox }) })),
      ips: list(result.ips, (ip) => ({ version: String(ip.address.family), ...printIP(ip) })),
      routes: list(result.routes, printRoute),
    }),
    dns: printDns(result.dns),
  }),
  (result, version) => {
    const dns = printDns(result.dns);
    return {
      cniVersion: version,
      ...present({
        interfaces: list(result.interfaces, printInterface),
        ips: list(result.ips, printIP),
        routes: list(result.routes, printRoute),
        dns: Object.keys(dns).length > 0 ? dns : undefined,
      }),
    };
  },
];

function printLegacy(
  result: Result,
  version: Version,
  printRoute: (route: Route) => JsonObject,
  needsAddress: boolean,
): JsonObject {
  const ofFamily = (family: number) => {
    const ip = result.ips.find(({ address }) => address.family === family);
    if (ip === undefined) return undefined;
    const routes = result.routes.filter(({ dst }) => dst.family === family);
    return { ip: String(ip.address), ...present({ gateway: text(ip.gateway), routes: list(routes, printRoute) }) };
  };
  const ip4 = ofFamily(4);
  const ip6 = ofFamily(6);
  if (needsAddress && ip4 === undefined && ip6 === undefined) {
    throw new CniError(ErrorCode.decoding, "cannot convert: no valid IP addresses", {
      details: `a result of version ${version} holds nothing but addresses; 0.3.0 and later can be without`,
    });
  }
  return { cniVersion: version, ...present({ ip4, ip6 }), dns: printDns(result.dns) };
}

function printInterface({ name, mac, mtu, sandbox, socketPath, pciID }: Interface): JsonObject {
  return { name, ...present({ mac, mtu: mtu || undefined, sandbox, socketPath, pciID }) };
}

function printIP({ address, gateway, interface: index }: IPConfig): JsonObject {
  return { address: String(address), ...present({ gateway: text(gateway), interface: index }) };
}

function printRoute({ dst, gw, mtu, advmss, priority, table, scope }: Route): JsonObject {
  const given = { gw: text(gw), mtu: mtu || undefined, advmss: advmss || undefined, priority: priority || undefined };
  // Table and scope have a meaning of 0: unspecified, and global.
  return { dst: String(dst), ...present({ ...given, table, scope }) };
}

function printDns({ nameservers, domain, search, options }: DNS): JsonObject {
  return present({
    nameservers: list(nameservers, (text) => text),
    domain: domain || undefined,
    search: list(search, (text) => text),
    options: list(options, (text) => text),
  });
}

function list<Item, Printed>(
  items: readonly Item[] | undefined,
  print: (item: Item) => Printed,
): Printed[] | undefined {
  return items === undefined || items.length === 0 ? undefined : items.map(print);
}

function text(address: Address | undefined): string | undefined {
  return address?.toString();
}

function present(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
