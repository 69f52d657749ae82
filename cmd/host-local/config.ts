import { validate } from "../../build/generated/host-local.js";
import { loadArgs } from "../../src/cni/args.ts";
import { decodeConfig, invalidConfig } from "../../src/cni/config.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import { field, isObject } from "../../src/cni/json.ts";
import type { Attachment, Network } from "../../src/cni/plugin.ts";
import type { Route } from "../../src/cni/result.ts";
import { Address } from "../../src/ip/address.ts";
import { Prefix } from "../../src/ip/prefix.ts";
import type { Order } from "../../src/ipam/allocator.ts";
import { type RangeSet, type RangeSetConfig, resolveRangeSets } from "../../src/ipam/rangeset.ts";
import { resolveRoutes } from "../../src/ipam/routes.ts";
import { defaultDataDir } from "../../src/ipam/store.ts";
import { type HostLocalSchema, schema } from "./schema.ts";

export interface HostLocalConfig {
  readonly dataDir: string;
  /** An attachment gets one address of each. */
  readonly sets: readonly RangeSet[];
  /** Whether the runtime sends more range sets with ADD. */
  readonly hasRuntimeSets: boolean;
  readonly routes: readonly Route[];
  readonly resolvConf: string | undefined;
  readonly order: Order;
  readonly sticky: boolean;
  readonly stickyKey: string | undefined;
  readonly releaseOnBoot: boolean;
  /** Addresses asked for in the configuration; {@link loadWishes} has all of them. */
  readonly ips: readonly Address[];
}

const what = "host-local configuration";

/** @throws CniError (invalidConfig). */
export function loadConfig(network: Pick<Network, "raw" | "version">): HostLocalConfig {
  const config = decodeConfig(schema, validate, network.raw, what);
  const { ipam, args, runtimeConfig } = config;
  if (ipam === undefined) {
    throw new CniError(ErrorCode.invalidConfig, `Cannot read ${what}: IPAM config missing 'ipam' key`, {
      details: 'ipam: found nothing, allowed: an object, as {"type": "host-local", "subnet": "10.1.0.0/16"}',
    });
  }
  const stickyKey = args?.cni?.stickyKey;
  if (stickyKey === "") throw invalidConfig(what, "args.cni.stickyKey", "", "a name, or nothing");
  return {
    dataDir: ipam.dataDir || defaultDataDir,
    sets: resolveRangeSets(collectRangeSets(ipam, runtimeConfig), network.version),
    hasRuntimeSets: config.capabilities?.["ipRanges"] === true,
    routes: resolveRoutes(ipam.routes ?? [], "ipam.routes"),
    resolvConf: ipam.resolvConf || undefined,
    order: ipam.order ?? "roundRobin",
    sticky: ipam.sticky ?? false,
    stickyKey,
    releaseOnBoot: ipam.releaseOnBoot ?? false,
    ips: [...readAddresses(args?.cni?.ips, "args.cni.ips"), ...readAddresses(runtimeConfig?.ips, "runtimeConfig.ips")],
  };
}

/** All that releasing needs is where the reservations are. */
export function loadConfigForRelease(network: Network): HostLocalConfig {
  const ipam = field(network.raw, "ipam");
  const dataDir = isObject(ipam) ? field(ipam, "dataDir") : undefined;
  return {
    dataDir: (typeof dataDir === "string" && dataDir) || defaultDataDir,
    sets: [],
    hasRuntimeSets: false,
    routes: [],
    resolvConf: undefined,
    order: "roundRobin",
    sticky: false,
    stickyKey: undefined,
    releaseOnBoot: false,
    ips: [],
  };
}

/** What one attachment asks for beside the configuration. */
export interface AddressWishes {
  readonly requested: readonly Address[];
  /** Under which name its addresses are remembered; undefined when they are not. */
  readonly stickyKey: string | undefined;
}

/**
 * Reads CNI_ARGS: `IP`, and what names the container where addresses are sticky.
 *
 * @throws CniError (invalidEnvironment, or invalidConfig for sticky addresses without a name).
 */
export function loadWishes(attachment: Attachment, config: HostLocalConfig): AddressWishes {
  const { IP, STICKY_KEY, K8S_POD_NAMESPACE, K8S_POD_NAME } = loadArgs(
    attachment.args,
    config.sticky ? ["IP", "STICKY_KEY", "K8S_POD_NAMESPACE", "K8S_POD_NAME"] : ["IP"],
  );
  const requested = [...readRequested(IP), ...config.ips];
  if (!config.sticky) return { requested, stickyKey: undefined };
  const podName = K8S_POD_NAME && `${K8S_POD_NAMESPACE ?? ""}/${K8S_POD_NAME}`;
  const stickyKey = config.stickyKey ?? (STICKY_KEY || podName);
  if (stickyKey) return { requested, stickyKey };
  throw new CniError(ErrorCode.invalidConfig, "Cannot give a sticky address: the container has no name", {
    details: "allowed: args.cni.stickyKey, or STICKY_KEY or K8S_POD_NAME in CNI_ARGS",
  });
}

/** In the Go suite's order, which last_reserved_ip.N counts by: the runtime's, the single range, the list. */
function collectRangeSets(
  ipam: NonNullable<HostLocalSchema["ipam"]>,
  runtimeConfig: HostLocalSchema["runtimeConfig"],
): RangeSetConfig[] {
  const listed = (sets: NonNullable<typeof ipam.ranges> = [], path: string) =>
    sets.map((set, i) => ({
      path: `${path}[${i}]`,
      ranges: set.map((range, j) => ({ path: `${path}[${i}][${j}]`, range })),
    }));
  return [
    ...listed(runtimeConfig?.ipRanges, "runtimeConfig.ipRanges"),
    ...collectSingleRange(ipam),
    ...listed(ipam.ranges, "ipam.ranges"),
  ];
}

function collectSingleRange(ipam: NonNullable<HostLocalSchema["ipam"]>): RangeSetConfig[] {
  const { subnet } = ipam;
  if (subnet) return [{ path: "ipam", ranges: [{ path: "ipam", range: { ...ipam, subnet } }] }];
  const misplaced = (["exclude", "ipRange", "auxAddresses"] as const).find((key) => ipam[key] !== undefined);
  if (misplaced === undefined) return [];
  throw invalidConfig(what, `ipam.${misplaced}`, ipam[misplaced], "beside a subnet: in ipam, or in one of ipam.ranges");
}

function readAddresses(texts: readonly string[] | undefined, path: string): Address[] {
  return (texts ?? []).flatMap((text, i) => {
    try {
      return text === "" ? [] : parseRequested(text);
    } catch {
      const error = invalidConfig(what, `${path}[${i}]`, text, "an IP address, with or without prefix length");
      throw new CniError(error.code, `${error.message}: invalid IP address ${text}`, { details: error.details });
    }
  });
}

function readRequested(text: string | undefined): Address[] {
  try {
    return text ? [parseRequested(text)] : [];
  } catch {
    throw new CniError(ErrorCode.invalidEnvironment, `CNI_ARGS: invalid IP address ${text}`, {
      details: `IP: found "${text}", allowed: an IP address, with or without prefix length`,
    });
  }
}

function parseRequested(text: string): Address {
  return text.includes("/") ? Prefix.parse(text).address : Address.parse(text);
}
