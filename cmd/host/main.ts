import { NetworkStack, openSandbox } from "../../src/attach/stack.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import type { Attachment, Plugin } from "../../src/cni/plugin.ts";
import type { Interface, IPConfig } from "../../src/cni/result.ts";
import { versions } from "../../src/cni/version.ts";
import { listAddresses } from "../../src/rtnetlink/address.ts";
import { listLinks } from "../../src/rtnetlink/link.ts";
import type { RouteSocket } from "../../src/rtnetlink/socket.ts";
import { loadConfig } from "./config.ts";
import type { HostConfig } from "./schema.ts";

/** Docker's host driver: the container has the host's own network stack. Nothing is made, so nothing is removed. */
export const plugin: Plugin<HostConfig> = {
  name: "host",
  versions,
  ownNamespaceAllowed: true,
  configure: loadConfig,
  configureForRelease: () => ({}),

  add(attachment, { dns = {}, runtimeConfig }) {
    if (runtimeConfig?.portMappings?.length) {
      attachment.network.warn("host: published ports are ignored: the container's ports are the host's own");
    }
    using host = NetworkStack.own();
    requireHostNamespace(attachment, host);
    if (attachment.prevResult !== undefined) return attachment.prevResult;
    const links = listLinks(host.route);
    const { netns } = attachment;
    const interfaces = links.map(
      ({ name, mac, mtu }): Interface => ({
        name,
        ...(mac && { mac }),
        ...(mtu && { mtu }),
        ...(netns && { sandbox: netns }),
      }),
    );
    const ips = hostAddresses(
      host.route,
      links.map(({ index }) => index),
    );
    return { interfaces, ips, routes: [], dns };
  },

  del() {},

  check(attachment) {
    using host = NetworkStack.own();
    requireHostNamespace(attachment, host);
  },

  gc() {},
  status() {},
};

function requireHostNamespace(attachment: Attachment, host: NetworkStack): void {
  using sandbox = openSandbox(attachment);
  if (sandbox.namespace.isSame(host.namespace)) return;
  throw new CniError(ErrorCode.invalidNamespace, "Cannot use the host's network: the container has its own", {
    details: `CNI_NETNS: found ${JSON.stringify(attachment.netns)}, allowed: the host's own network namespace`,
  });
}

/** Global addresses first: runtimes take the first one of a result for the container's. */
function hostAddresses(route: RouteSocket, indexes: readonly number[]): IPConfig[] {
  return listAddresses(route)
    .sort((a, b) => a.scope - b.scope)
    .map(({ index, prefix }) => ({ address: prefix, interface: indexes.indexOf(index) }));
}
