import { mismatch, requirePrevResult } from "../../src/attach/check.ts";
import { ownerOf } from "../../src/attach/owner.ts";
import { notAvailable } from "../../src/attach/ready.ts";
import { readResult } from "../../src/cni/convert.ts";
import type { Attachment, Plugin } from "../../src/cni/plugin.ts";
import { versions } from "../../src/cni/version.ts";
import { askDaemon, NoAnswerError } from "./ask.ts";
import { configure, configureForRelease, type DhcpConfig, wishesOf } from "./config.ts";
import { openStore } from "./store.ts";
import type { Holder, Request } from "./wire.ts";

/** Addresses of the DHCP servers that a container's link reaches; the daemon asks for them and prolongs them. */
export const plugin: Plugin<DhcpConfig> = {
  name: "dhcp",
  versions,
  isIpam: true,
  configure,
  configureForRelease,

  add(attachment, config) {
    const wishes = wishesOf(attachment, config);
    const { result } = askDaemon(config.socket, {
      verb: "ADD",
      ...ownerOf(attachment),
      netns: absolute(attachment),
      wishes,
    });
    return readResult(result, "1.1.0");
  },

  del(attachment, { socket }) {
    const holder = ownerOf(attachment);
    askOrCondemn(socket, { verb: "DEL", ...holder }, () => [holder]);
  },

  check(attachment, config) {
    const given = requirePrevResult(attachment).ips.map(({ address }) => address);
    const { result } = askDaemon(config.socket, { verb: "CHECK", ...ownerOf(attachment) });
    for (const { address } of readResult(result, "1.1.0").ips) {
      if (!given.some((prefix) => prefix.equals(address))) throw mismatch("prevResult.ips", given.join(", "), address);
    }
  },

  gc({ name: network, validAttachments: valid }, { socket }) {
    const keep = new Set(valid.map(({ containerID, ifname }) => `${containerID}/${ifname}`));
    const stale = () =>
      openStore()
        .list()
        .filter(
          (held) =>
            held.socket === socket && held.network === network && !keep.has(`${held.containerID}/${held.ifname}`),
        );
    askOrCondemn(socket, { verb: "GC", network, valid }, stale);
  },

  status(_network, { socket }) {
    try {
      askDaemon(socket, { verb: "STATUS" });
    } catch (error) {
      throw notAvailable("no DHCP daemon", undefined, error);
    }
  },
};

/** A daemon that does not answer gives the leases back when it is started again. */
function askOrCondemn(socket: string, request: Request, holders: () => readonly Holder[]): void {
  try {
    askDaemon(socket, request);
  } catch (error) {
    if (!(error instanceof NoAnswerError)) throw error;
    const store = openStore();
    const held = holders().filter((holder) => store.has(holder));
    for (const holder of held) store.condemn(holder);
    // One that was started meanwhile has not seen that.
    if (held.length > 0 && !error.connected) askAgain(socket, request);
  }
}

function askAgain(socket: string, request: Request): void {
  try {
    askDaemon(socket, request);
  } catch (error) {
    if (!(error instanceof NoAnswerError)) throw error;
  }
}

function absolute({ netns = "" }: Attachment): string {
  return netns.startsWith("/") ? netns : `${process.cwd()}/${netns}`;
}
