import { validate } from "../../build/generated/tuning.js";
import { readUnicastMac } from "../../src/attach/requestedmac.ts";
import { loadArgs } from "../../src/cni/args.ts";
import { decodeConfig, invalidConfig } from "../../src/cni/config.ts";
import { field } from "../../src/cni/json.ts";
import type { Attachment, Network } from "../../src/cni/plugin.ts";
import type { Mac } from "../../src/ip/mac.ts";
import { readAllowlist } from "./allowlist.ts";
import { isSettingPath } from "./backup.ts";
import { schema } from "./schema.ts";

const what = "tuning configuration";

/** What an interface and its namespace are to be like; what is left out stays as it is. */
export interface Settings {
  readonly mac?: Mac | undefined;
  readonly promisc?: boolean | undefined;
  /** In bytes. */
  readonly mtu?: number | undefined;
  readonly txQLen?: number | undefined;
  readonly allmulti?: boolean | undefined;
  /** By name as the configuration has it, with dots or with slashes. */
  readonly sysctl: Readonly<Record<string, string>>;
}

export interface TuningConfig extends Settings {
  /** The MAC that wins over that of CNI_ARGS, which wins over `mac`. */
  readonly requestedMac?: Mac;
  readonly dataDir: string;
}

const defaultDataDir = "/run/cni/tuning";

/** @throws CniError (invalidConfig), also for a setting that the allowlist of this host does not have. */
export function configure({ raw }: Network): TuningConfig {
  const { args, runtimeConfig, dataDir, ...config } = decodeConfig(schema, validate, raw, what);
  const requested = args?.cni ?? {};
  const { promisc, mtu, txQLen, allmulti } = { ...config, ...requested };
  const sysctl = { ...config.sysctl, ...requested.sysctl };
  refuseForbidden(sysctl);
  const mac = readMac("mac", config.mac);
  const runtimeMac = readMac("runtimeConfig.mac", runtimeConfig?.mac);
  const requestedMac = readMac("args.cni.mac", requested.mac) ?? runtimeMac;
  return {
    ...(mac && { mac }),
    ...(promisc !== undefined && { promisc }),
    ...(mtu && { mtu }),
    ...(txQLen !== undefined && { txQLen }),
    ...(allmulti !== undefined && { allmulti }),
    sysctl,
    ...(requestedMac && { requestedMac }),
    dataDir: dataDir || defaultDataDir,
  };
}

/** DEL needs to know where the backup is, and nothing else. */
export function configureForRelease({ raw }: Network): TuningConfig {
  const dataDir = field(raw, "dataDir");
  const usable = typeof dataDir === "string" && dataDir.startsWith("/");
  return { sysctl: {}, dataDir: usable ? dataDir : defaultDataDir };
}

/** What is to be set for an attachment: a MAC may also come by CNI_ARGS, and settings name its interface. */
export function settingsFor({ args, ifname }: Attachment, config: TuningConfig): Settings {
  const { MAC } = loadArgs(args, ["MAC"]);
  const mac = config.requestedMac ?? readMac("CNI_ARGS MAC", MAC) ?? config.mac;
  const sysctl = new Map<string, string>();
  for (const [name, value] of Object.entries(config.sysctl)) {
    const path = sysctlPath(name, ifname);
    if (sysctl.has(path)) throw invalidConfig(what, `sysctl.${name}`, value, "each setting once");
    sysctl.set(path, value);
  }
  const { promisc, mtu, txQLen, allmulti } = config;
  return { promisc, mtu, txQLen, allmulti, ...(mac && { mac }), sysctl: Object.fromEntries(sysctl) };
}

/**
 * The path beneath /proc/sys of a setting: dots are slashes, unless there are slashes, as in sysctl(8).
 *
 * @throws CniError (invalidConfig) for what is no setting of a network namespace.
 */
function sysctlPath(name: string, ifname: string): string {
  const path = (name.includes("/") ? name : name.replaceAll(".", "/")).replace("IFNAME", () => ifname);
  if (isSettingPath(path)) return path;
  throw invalidConfig(what, `sysctl.${name}`, name, "the name of a setting below net, as net.core.somaxconn");
}

function refuseForbidden(sysctl: Readonly<Record<string, string>>): void {
  const names = Object.keys(sysctl);
  const allowed = names.length === 0 ? undefined : readAllowlist();
  if (allowed === undefined) return;
  for (const name of names) {
    if (allowed.some((pattern) => pattern.test(name))) continue;
    const list = allowed.map(({ source }) => source.slice("^(?:".length, -")$".length)).join(", ");
    throw invalidConfig(what, `sysctl.${name}`, sysctl[name], `a setting that the allowlist of this host has: ${list}`);
  }
}

function readMac(path: string, text: string | undefined): Mac | undefined {
  return text ? readUnicastMac(path, text) : undefined;
}
