import type { Machine } from "./machine.ts";

/** The part of a link as `ip -json -details address` prints it that tells who is who. */
export interface LinkIdentity {
  readonly ifindex: number;
  readonly ifname: string;
  readonly address?: string;
  /** The other end's index, when that is in another namespace. */
  readonly link_index?: number;
}

/** Rewrites what is a suite's own choice, or chance, to what it stands for: made-up link names, MACs and paths. */
export type Translate = (text: string) => string;

/**
 * @param links by namespace: `host` or a container's name.
 * @param asked the case as text: a MAC that it names is no chance.
 */
export function translator(
  machine: Machine,
  links: ReadonlyMap<string, readonly LinkIdentity[]>,
  asked: string,
): Translate {
  const names = new Map<string, string>();
  const owners = new Map<string, string[]>();
  for (const [netns, its] of links) {
    for (const link of its) {
      const name = describeName(link, netns, links);
      if (name !== link.ifname) names.set(link.ifname, name);
      if (link.address !== undefined)
        owners.set(link.address, [...(owners.get(link.address) ?? []), `${netns} ${name}`]);
    }
  }
  const paths = ["host", ...machine.containers].map((name) => [machine.netns(name), `<netns of ${name}>`] as const);
  const describeMac = (mac: string): string => {
    if (mac === noMac || asked.includes(mac)) return mac;
    return `<mac of ${owners.get(mac)?.join(" and ") ?? "nobody"}>`;
  };
  return (text) => {
    let result = text.replaceAll(machine.state, "$STATE");
    for (const [path, label] of paths) result = result.replaceAll(path, label);
    return result
      .replaceAll(anyMac, describeMac)
      .replaceAll(anyMadeUpName, (name) => names.get(name) ?? "<unknown link>");
  };
}

const noMac = "00:00:00:00:00:00";
const anyMac = /\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b/g;
const madeUpVeth = /^veth[0-9a-f]{8,11}$/;
/** By which goes what a container sends, where that is limited. */
const madeUpIfb = /^bwp[0-9a-f]{12}$/;
const anyMadeUpName = /\b(veth[0-9a-f]{8,11}|bwp[0-9a-f]{12})\b/g;

function describeName(link: LinkIdentity, home: string, links: ReadonlyMap<string, readonly LinkIdentity[]>): string {
  if (madeUpVeth.test(link.ifname)) return `peer(${findPeer(link, home, links)})`;
  return madeUpIfb.test(link.ifname) ? "ifb" : link.ifname;
}

function findPeer(link: LinkIdentity, home: string, links: ReadonlyMap<string, readonly LinkIdentity[]>): string {
  for (const [netns, its] of links) {
    if (netns === home) continue;
    const peer = its.find(({ ifindex, link_index }) => ifindex === link.link_index && link_index === link.ifindex);
    if (peer !== undefined) return `${netns} ${peer.ifname}`;
  }
  return "nobody";
}
