import { NetworkStack } from "../../src/attach/stack.ts";
import { invalidConfig } from "../../src/cni/config.ts";
import type { Network } from "../../src/cni/plugin.ts";
import { PollEvent, poll } from "../../src/linux/poll.ts";
import { NetlinkSocket } from "../../src/netlink/socket.ts";
import { vxlanName } from "../../src/overlay/device.ts";
import type { Watch } from "../../src/overlay/source.ts";
import { listAddresses } from "../../src/rtnetlink/address.ts";
import { getLink, readLink } from "../../src/rtnetlink/link.ts";
import { RouteScope } from "../../src/rtnetlink/route.ts";
import { configure, what } from "./config.ts";
import { applyPlan, claimOverlay, isInUse, planOverlay } from "./overlay.ts";

const NETLINK_ROUTE = 0;
const RTMGRP_LINK = 1;

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

export interface OverlayWatch extends Disposable {
  /** Waits until there may be something to sync, since the watch began or since the last time. */
  wait(): void;
}

/**
 * Watches an overlay's peers, and its links, which somebody may delete or change.
 *
 * @throws CniError when the configuration names no source of peers that can change.
 */
export function watchOverlay(network: OverlayNetwork): OverlayWatch {
  const { peers, given, vni, bridge, underlay } = configure(network);
  if (peers.watch === undefined) {
    throw invalidConfig(what, "peersFile", given.peersFile, "the path of a file to watch");
  }
  using undo = new DisposableStack();
  const links = [vxlanName(vni), bridge, ...(underlay === undefined ? [] : [underlay])];
  const watches = [undo.use(peers.watch()), undo.use(watchLinks(links))];
  const made = undo.move();
  return {
    wait() {
      for (let isNews = false; !isNews; ) {
        const ready = poll(
          watches.map(({ fd }) => fd),
          PollEvent.in,
        );
        // All are read, whatever the first has to say.
        const news = watches.map((watch) => ready.includes(watch.fd) && watch.readNews());
        isNews = news.includes(true);
      }
    },
    [Symbol.dispose]: () => made.dispose(),
  };
}

function watchLinks(names: readonly string[]): Watch {
  const notices = new NetlinkSocket(NETLINK_ROUTE, RTMGRP_LINK);
  return {
    fd: notices.fd,
    readNews() {
      const messages = notices.listen(1) ?? [];
      return messages.length === 0 || messages.some(({ body }) => names.includes(readLink(body).name));
    },
    [Symbol.dispose]: () => notices[Symbol.dispose](),
  };
}
