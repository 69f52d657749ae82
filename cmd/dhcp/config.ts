import { validate } from "../../build/generated/dhcp.js";
import { looseArgs } from "../../src/cni/args.ts";
import { decodeConfig, invalidConfig } from "../../src/cni/config.ts";
import { field, isObject } from "../../src/cni/json.ts";
import type { Attachment, Network } from "../../src/cni/plugin.ts";
import { type DhcpSchema, schema } from "./schema.ts";
import { defaultSocket, type Wishes } from "./wire.ts";

const what = "dhcp configuration";

export interface DhcpConfig {
  readonly socket: string;
  readonly families: readonly (4 | 6)[];
  readonly provide: readonly { readonly code: number; readonly value?: string; readonly fromArg?: string }[];
  /** Codes of options. */
  readonly request: readonly number[];
  readonly priority: number | undefined;
}

/** Names that upstream has for options. */
const optionNames: Readonly<Record<string, number>> = {
  "subnet-mask": 1,
  routers: 3,
  "host-name": 12,
  "vendor-class-identifier": 60,
  "dhcp-client-identifier": 61,
  "user-class": 77,
};

/** What a lease is made of: mask, routers, name servers, host name, domain, MTU, routes, time servers, search list. */
const usualRequest = [1, 121, 33, 3, 6, 12, 15, 26, 42, 51, 58, 59, 119];
/** The option's length is an octet. */
const LONGEST_VALUE = 255;

/** @throws CniError (invalidConfig). */
export function configure({ raw }: Network): DhcpConfig {
  const { ipam }: DhcpSchema = decodeConfig(schema, validate, raw, what);
  const { provide = [], request = [], families = ["ipv4"], daemonSocketPath, priority } = ipam;
  const wanted = request.map(({ option }, i) => readCode(option, `ipam.request[${i}].option`));
  const skipUsual = request.some(({ skipDefault }) => skipDefault);
  return {
    socket: daemonSocketPath || defaultSocket,
    families: [...new Set(families)].map((family) => (family === "ipv4" ? 4 : 6)),
    provide: provide.map(({ option, value, fromArg }, i) => ({
      code: readCode(option, `ipam.provide[${i}].option`),
      ...(value !== undefined && { value: checkLength(value, `ipam.provide[${i}].value`) }),
      ...(fromArg !== undefined && { fromArg }),
    })),
    request: [...new Set([...(skipUsual ? [] : usualRequest), ...wanted])],
    priority,
  };
}

/** The daemon that a configuration names, also one that is wrong elsewhere: DEL and GC still ask it to release. */
export function configureForRelease({ raw }: Network): DhcpConfig {
  const ipam = field(raw, "ipam");
  const path = isObject(ipam) ? field(ipam, "daemonSocketPath") : undefined;
  const socket = typeof path === "string" && path !== "" ? path : defaultSocket;
  return { socket, families: [4], provide: [], request: [], priority: undefined };
}

/**
 * What an attachment asks for. A pod has its name as host name, and as its identity: wherever it runs and however often its
 * sandbox is made anew, it is the same client.
 */
export function wishesOf({ args, network, containerID }: Attachment, config: DhcpConfig): Wishes {
  const pod = looseArgs(args, ["K8S_POD_NAME", "K8S_POD_NAMESPACE"]);
  const podName = pod.K8S_POD_NAME;
  const client = podName === undefined ? containerID : `${pod.K8S_POD_NAMESPACE ?? ""}/${podName}`;
  const { families, provide, request, priority } = config;
  return {
    families,
    who: `${client}/${network.name}`,
    ...(podName !== undefined && { hostName: podName }),
    request,
    provide: provide.flatMap(({ code, value, fromArg }): [number, string][] => {
      const found = (fromArg === undefined ? undefined : looseArgs(args, [fromArg])[fromArg]) ?? value;
      if (found === undefined) return [];
      const text = checkLength(found, `CNI_ARGS ${fromArg ?? ""}`);
      return [[code, Buffer.from(text).toString("hex")]];
    }),
    ...(priority !== undefined && { priority }),
  };
}

function readCode(option: string, path: string): number {
  const code = optionNames[option] ?? (/^\d{1,3}$/.test(option) ? Number(option) : undefined);
  // 0 and 255 are no options but padding and the end (RFC 2132 section 3).
  if (code !== undefined && code > 0 && code < 255) return code;
  throw invalidConfig(what, path, option, `a number from 1 to 254, or one of ${Object.keys(optionNames).join(", ")}`);
}

function checkLength(value: string, path: string): string {
  const length = Buffer.byteLength(value);
  if (length <= LONGEST_VALUE) return value;
  throw invalidConfig(what, path, `${length} bytes`, `at most ${LONGEST_VALUE} bytes`);
}
