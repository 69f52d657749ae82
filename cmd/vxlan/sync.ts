import { NetworkStack } from "../../src/attach/stack.ts";
import { invalidConfig } from "../../src/cni/config.ts";
import type { Network } from "../../src/cni/plugin.ts";
import type { PeerWatch } from "../../src/overlay/source.ts";
import { listAddresses } from "../../src/rtnetlink/address.ts";
import { getLink } from "../../src/rtnetlink/link.ts";
import { RouteScope } from "../../src/rtnetlink/route.ts";
import { configure, what } from "./config.ts";
import { applyPlan, claimOverlay, isInUse, planOverlay } from "./overlay.ts";

/** A network by its name, and the plugin's configuration. */
export type OverlayNetwork = Pick<Network, "name" | "raw">;

/**
 * Makes this host's side of an overlay what its peers are now. Where no container is on it there is nothing to do: the
 * next ADD reads the peers.
 *
 * @returns what was done, a line for each change; nothing when all was right.
 * @throws CniError as ADD does.
 */
export function syncOverlay(network: OverlayNetwork): string[] {
  const config = configure(network);
  using host = NetworkStack.own();
  using _claim = claimOverlay(config);
  const plan = planOverlay(host, network.name, config);
  const bridge = getLink(host.route, { name: config.bridge });
  if (bridge === undefined || !isInUse(host, network.name, config)) return [];
  // In mode l3 the bridge has the gateway's address of each of this host's subnets.
  const own = listAddresses(host.route, bridge.index).filter(({ scope }) => scope === RouteScope.universe);
  return applyPlan(host, plan, config, bridge, config.mode === "l3" ? own.map(({ prefix }) => prefix.network) : []);
}

/** @throws CniError when the configuration names no source of peers that can change. */
export function watchPeers(network: OverlayNetwork): PeerWatch {
  const { peers, given } = configure(network);
  if (peers.watch !== undefined) return peers.watch();
  throw invalidConfig(what, "peersFile", given.peersFile, "the path of a file to watch");
}
