import { checkForwarding, checkIpam, checkPrivileges, notAvailable } from "../../src/attach/ready.ts";
import { NetworkStack } from "../../src/attach/stack.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import type { Network } from "../../src/cni/plugin.ts";
import { isUp } from "../../src/overlay/underlay.ts";
import type { VxlanConfig } from "./config.ts";
import { type OverlayPlan, planOverlay } from "./overlay.ts";

/** @throws CniError (notAvailable) when ADD would fail, (limitedConnectivity) when there is no other host to reach. */
export function checkStatus(network: Network, config: VxlanConfig): void {
  using host = NetworkStack.own();
  checkPrivileges();
  const { underlay, peers } = planFor(host, network, config);
  if (!isUp(underlay)) throw notAvailable(`the underlay ${underlay.link.name} is down`);
  if (config.isGateway) checkForwarding();
  if (config.ipamType !== undefined) checkIpam(network, config.ipamType);
  if (peers.length > 0) return;
  throw new CniError(ErrorCode.limitedConnectivity, "The overlay reaches no other host: it has no peers", {
    details: "peers, peersFile: found no peers, allowed: at least one",
  });
}

function planFor(host: NetworkStack, network: Network, config: VxlanConfig): OverlayPlan {
  try {
    return planOverlay(host, network.name, config);
  } catch (error) {
    throw notAvailable("the underlay or the peers", error instanceof CniError ? error.details : undefined, error);
  }
}
