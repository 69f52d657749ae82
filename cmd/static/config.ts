import { validate } from "../../build/generated/static.js";
import { loadArgs } from "../../src/cni/args.ts";
import { decodeConfig, readAs } from "../../src/cni/config.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import type { Attachment, Network } from "../../src/cni/plugin.ts";
import type { DNS, IPConfig, Route } from "../../src/cni/result.ts";
import { versionAtLeast } from "../../src/cni/version.ts";
import { Address } from "../../src/ip/address.ts";
import { Prefix } from "../../src/ip/prefix.ts";
import { resolveRoutes } from "../../src/ipam/routes.ts";
import { type StaticSchema, schema } from "./schema.ts";

const what = "static configuration";

export interface StaticConfig {
  readonly addresses: readonly IPConfig[];
  /** What the runtime asks for, in place of all other addresses. */
  readonly requested: readonly IPConfig[] | undefined;
  readonly routes: readonly Route[];
  readonly dns: DNS;
}

/** @throws CniError (invalidConfig). */
export function configure({ raw }: Network): StaticConfig {
  const { ipam, args, runtimeConfig }: StaticSchema = decodeConfig(schema, validate, raw, what);
  return {
    addresses: (ipam.addresses ?? []).map(({ address, gateway }, i) => ({
      address: readPrefix(address, `ipam.addresses[${i}].address`),
      ...(gateway && { gateway: readGateway(gateway, `ipam.addresses[${i}].gateway`) }),
    })),
    requested: readRequested(runtimeConfig?.ips, "runtimeConfig.ips") ?? readRequested(args?.cni?.ips, "args.cni.ips"),
    routes: resolveRoutes(ipam.routes ?? [], "ipam.routes"),
    dns: ipam.dns ?? {},
  };
}

/**
 * The addresses of one attachment: those of `runtimeConfig.ips`, else of `args.cni.ips`, else of the configuration and
 * of `IP` in CNI_ARGS, of which `GATEWAY` names the gateways.
 *
 * @throws CniError when an address is no address, or the version cannot tell as many.
 */
export function chooseAddresses({ args, network }: Attachment, config: StaticConfig): readonly IPConfig[] {
  const addresses = config.requested ?? [...config.addresses, ...readArgs(args)];
  const perFamily = ([4, 6] as const).map(
    (family) => addresses.filter(({ address }) => address.family === family).length,
  );
  if (Math.max(...perFamily) > 1 && !versionAtLeast(network.version, "0.3.0")) {
    const message = `CNI version ${network.version} does not support more than 1 address per family`;
    throw new CniError(ErrorCode.invalidConfig, message, {
      details: `ipam.addresses: found ${perFamily[0]} of IPv4 and ${perFamily[1]} of IPv6, allowed: one of each`,
    });
  }
  return addresses;
}

function readArgs(text: string): IPConfig[] {
  const { IP = "", GATEWAY = "" } = loadArgs(text, ["IP", "GATEWAY"]);
  const gateways = split(GATEWAY).map((gateway) => readGateway(gateway, "CNI_ARGS GATEWAY"));
  return split(IP).map((item) => {
    const address = readPrefix(item, "CNI_ARGS IP");
    const gateway = gateways.find((candidate) => address.contains(candidate));
    return { address, ...(gateway && { gateway }) };
  });
}

/** An empty list asks for nothing, so other sources count. */
function readRequested(texts: readonly string[] | undefined, path: string): IPConfig[] | undefined {
  const asked = (texts ?? []).map((text, i) => ({ address: readPrefix(text, `${path}[${i}]`) }));
  return asked.length === 0 ? undefined : asked;
}

function split(list: string): string[] {
  return list === "" ? [] : list.split(",").map((item) => item.trim());
}

function readPrefix(text: string, path: string): Prefix {
  return readAs(Prefix.parse, what, path, text, "an address in CIDR notation, as 10.1.0.7/16");
}

function readGateway(text: string, path: string): Address {
  return readAs(Address.parse, what, path, text, "an IP address");
}
