import { loadArgs } from "../cni/args.ts";
import { invalidConfig } from "../cni/config.ts";
import type { Attachment } from "../cni/plugin.ts";
import { type Mac, macBytes, parseMac } from "../ip/mac.ts";

/** Where a configuration can ask for a container's MAC. */
interface MacSource {
  readonly mac?: string | undefined;
  readonly args?: { readonly cni?: { readonly mac?: string } } | undefined;
  readonly runtimeConfig?: { readonly mac?: string } | undefined;
}

/**
 * The MAC asked for: the last of `mac`, CNI_ARGS, `args.cni.mac` and `runtimeConfig.mac` wins, as in the Go suite.
 *
 * @param args CNI_ARGS as the plugin reads them; IP and GATEWAY are for the IPAM plugin, which is called with the same.
 * @throws CniError when it is no MAC that an Ethernet interface can have.
 */
export function requestedMac(
  attachment: Attachment,
  config: MacSource,
  args: { readonly MAC?: string } = loadArgs(attachment.args, ["MAC", "IP", "GATEWAY"]),
): Mac | undefined {
  const sources = [
    ["runtimeConfig.mac", config.runtimeConfig?.mac],
    ["args.cni.mac", config.args?.cni?.mac],
    ["CNI_ARGS MAC", args.MAC],
    ["mac", config.mac],
  ] as const;
  const [path, text] = sources.find(([, text]) => text) ?? [];
  return text ? readUnicastMac(path ?? "", text) : undefined;
}

/** @throws CniError (invalidConfig) for what no Ethernet interface can have. */
export function readUnicastMac(path: string, text: string): Mac {
  try {
    const mac = parseMac(text);
    const bytes = macBytes(mac);
    const usable = bytes.length === 6 && ((bytes[0] ?? 0) & 1) === 0 && bytes.some((byte) => byte !== 0);
    if (usable) return mac;
  } catch {
    // refused below
  }
  throw invalidConfig("the MAC asked for", path, text, "a unicast MAC of 6 bytes, as 02:42:0a:01:00:02");
}
