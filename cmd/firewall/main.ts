import { requireChained } from "../../src/attach/chained.ts";
import { collect } from "../../src/attach/firewall/collect.ts";
import { isFirewalldRunning } from "../../src/attach/firewall/firewalld.ts";
import { admit, checkAdmitted, dismiss, findHostFirewall } from "../../src/attach/firewall/hostfirewall.ts";
import { inspect } from "../../src/attach/firewall/inspect.ts";
import { forgetForeignAddresses, isIptablesUsable } from "../../src/attach/firewall/iptables.ts";
import type { HostFirewall, Publication } from "../../src/attach/firewall/publication.ts";
import { publish, withdraw } from "../../src/attach/firewall/publish.ts";
import { findRecord, listRecords } from "../../src/attach/firewall/records.ts";
import { checkTables } from "../../src/attach/firewall/tables.ts";
import { ownerOf } from "../../src/attach/owner.ts";
import { checkPrivileges, notAvailable } from "../../src/attach/ready.ts";
import { NetworkStack } from "../../src/attach/stack.ts";
import { CniError, ErrorCode } from "../../src/cni/error.ts";
import type { Attachment, Plugin } from "../../src/cni/plugin.ts";
import type { Result } from "../../src/cni/result.ts";
import { versions } from "../../src/cni/version.ts";
import type { Family } from "../../src/ip/address.ts";
import { getLink, setLink } from "../../src/rtnetlink/link.ts";
import { configure, configureForRelease, type FirewallConfig } from "./config.ts";

const name = "firewall";
const unchained = "missing prevResult from earlier plugin";

/** Lets containers through the host's firewall, and keeps those of other bridges away from them where that is asked for. */
export const plugin: Plugin<FirewallConfig> = {
  name,
  versions,
  configure,
  configureForRelease,

  add(attachment, config) {
    const prevResult = requireChained(attachment, unchained);
    using host = NetworkStack.own();
    const owner = ownerOf(attachment);
    const publication = publicationOf(host, prevResult, config);
    using undo = new DisposableStack();
    undo.use(publish(owner, name, publication));
    undo.defer(() => dismiss(owner, publication));
    admit(owner, publication);
    if (config.ingressPolicy === "isolated") isolatePorts(host, prevResult);
    undo.move();
    return prevResult;
  },

  del(attachment, config) {
    const owner = ownerOf(attachment);
    const record = findRecord(owner);
    const publication = record?.parts[name];
    using steps = new DisposableStack();
    const withdrawn = steps.use(new DisposableStack());
    steps.defer(() => withdrawn.use(withdraw(owner, name)));
    if (record !== undefined && publication !== undefined) steps.defer(() => dismiss(record.owner, publication));
    else steps.defer(() => dismissForeign(attachment, config));
  },

  check(attachment, config) {
    const prevResult = requireChained(attachment, unchained);
    using host = NetworkStack.own();
    const owner = ownerOf(attachment);
    // What was asked of whom, ADD decided by what was in use then.
    const publication = findRecord(owner)?.parts[name] ?? publicationOf(host, prevResult, config);
    inspect(owner, publication);
    checkAdmitted(owner, publication);
  },

  gc(network) {
    const valid = new Set(network.validAttachments.map(({ containerID, ifname }) => `${containerID}:${ifname}`));
    using steps = new DisposableStack();
    steps.defer(() => collect(network.name, network.validAttachments));
    for (const { owner, parts } of listRecords(network.name)) {
      const publication = parts[name];
      if (publication === undefined || valid.has(`${owner.containerID}:${owner.ifname}`)) continue;
      steps.defer(() => dismiss(owner, publication));
    }
  },

  status(_network, { backend }) {
    checkPrivileges();
    checkTables();
    if (backend === "iptables" && !isIptablesUsable(4)) throw notAvailable("iptables cannot be run");
    if (backend === "firewalld" && !isFirewalldRunning()) throw notAvailable("firewalld does not run");
  },
};

function publicationOf(host: NetworkStack, { ips, interfaces }: Result, config: FirewallConfig): Publication {
  const addresses = ips.map(({ address }) => address);
  const hostFirewall = chooseHostFirewall(
    config,
    addresses.map(({ family }) => family),
  );
  const publication = { addresses, ...(hostFirewall && { hostFirewall }) };
  if (config.ingressPolicy === "open") return publication;
  const bridge = interfaces.find(({ name, sandbox }) => !sandbox && kindOf(host, name) === "bridge");
  if (bridge === undefined) {
    throw new CniError(
      ErrorCode.invalidConfig,
      `interface needs to be set for ingress policy ${config.ingressPolicy}`,
      {
        details: "prevResult.interfaces: found no bridge of the host's, allowed: the result of a plugin that has one",
      },
    );
  }
  return {
    ...publication,
    link: { name: bridge.name, kind: "bridge" },
    isolation: { mode: "isolated", betweenContainers: config.ingressPolicy !== "isolated" },
  };
}

function chooseHostFirewall(config: FirewallConfig, families: readonly Family[]): HostFirewall | undefined {
  const { backend, adminChain, zone } = config;
  if (backend === undefined) return findHostFirewall(families, config);
  if (backend === "iptables") return { backend, adminChain };
  return backend === "firewalld" ? { backend, zone } : undefined;
}

/** Rules that the Go suite left for a container of its time: they name no owner, so its addresses have to do. */
function dismissForeign({ prevResult }: Attachment, config: FirewallConfig): void {
  const hosts = prevResult?.ips.map(({ address }) => address.address) ?? [];
  if (hosts.length === 0) return;
  const families = hosts.map(({ family }) => family);
  if (chooseHostFirewall(config, families)?.backend === "iptables") forgetForeignAddresses(hosts);
}

/** Frames between ports of a bridge do not pass through the packet filter, but where br_netfilter leads them there. */
function isolatePorts(host: NetworkStack, { interfaces }: Result): void {
  for (const { name } of interfaces.filter(({ sandbox }) => !sandbox)) {
    const port = getLink(host.route, { name });
    if (port?.info?.port?.kind !== "bridge") continue;
    const info = { port: { kind: "bridge", data: { isolated: true } } } as const;
    setLink(host.route, `isolate ${name} on its bridge`, { index: port.index, info });
  }
}

function kindOf(host: NetworkStack, name: string): string | undefined {
  return getLink(host.route, { name })?.info?.kind;
}
