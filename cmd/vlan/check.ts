import { checkContainerLink, checkLayer3, mismatch, requirePrevResult } from "../../src/attach/check.ts";
import { findMaster } from "../../src/attach/master.ts";
import { NetworkStack, openSandbox } from "../../src/attach/stack.ts";
import { delegateCheck } from "../../src/cni/delegate.ts";
import type { Attachment } from "../../src/cni/plugin.ts";
import type { Link } from "../../src/rtnetlink/link.ts";
import { sharedName, type VlanConfig } from "./config.ts";

/** @throws CniError for the first thing that is not as ADD left it. */
export function checkAttachment(attachment: Attachment, config: VlanConfig): void {
  const { shared, linkInContainer, master, mtu } = config;
  const prevResult = requirePrevResult(attachment);
  if (config.ipam !== undefined) delegateCheck(attachment, config.ipam);
  using host = NetworkStack.own();
  using container = openSandbox(attachment);
  const link = checkContainerLink(container, attachment, prevResult, shared ? "macvlan" : "vlan");
  const parent = findMaster(linkInContainer ? container : host, shared ? sharedName(config) : master);
  if (link.link !== parent.index) throw mismatch(`master of ${link.name}`, link.link, parent.index);
  checkVlan(shared ? parent : link, config);
  if (mtu !== 0 && link.mtu !== mtu) throw mismatch(`MTU of ${link.name}`, link.mtu, mtu);
  checkLayer3(container, link, prevResult);
}

function checkVlan({ name, info }: Link, { vlanId, ingressQos, egressQos }: VlanConfig): void {
  const { id, ...maps } = (info?.kind === "vlan" && info.data) || {};
  if (id !== vlanId) throw mismatch(`VLAN of ${name}`, id, vlanId);
  for (const [key, wanted] of Object.entries({ ingressQos, egressQos })) {
    const present = maps[key as "ingressQos" | "egressQos"] ?? [];
    // The kernel does not tell of what is mapped to 0, as all is at first.
    const missing = wanted.find(
      (map) => map.to !== 0 && !present.some(({ from, to }) => from === map.from && to === map.to),
    );
    if (missing !== undefined) throw mismatch(`${key} of ${name}`, JSON.stringify(present), JSON.stringify(missing));
  }
}
