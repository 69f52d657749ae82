import { requireChained } from "../../src/attach/chained.ts";
import { collect } from "../../src/attach/firewall/collect.ts";
import { allowHairpin, containerAddresses, hostLink } from "../../src/attach/firewall/hostlink.ts";
import { inspect } from "../../src/attach/firewall/inspect.ts";
import { servedMappings } from "../../src/attach/firewall/mappings.ts";
import type { Ports, Publication } from "../../src/attach/firewall/publication.ts";
import { publish, withdraw } from "../../src/attach/firewall/publish.ts";
import { checkTables } from "../../src/attach/firewall/tables.ts";
import { ownerOf } from "../../src/attach/owner.ts";
import { checkPrivileges } from "../../src/attach/ready.ts";
import { NetworkStack } from "../../src/attach/stack.ts";
import type { Attachment, Plugin } from "../../src/cni/plugin.ts";
import { emptyResult, type Result } from "../../src/cni/result.ts";
import { versions } from "../../src/cni/version.ts";
import { configure, what } from "./config.ts";

const name = "portmap";
const unchained = "must be called as chained plugin";

/** Publishes ports of a container at the host's addresses. */
export const plugin: Plugin<Ports> = {
  name,
  versions,
  configure,
  configureForRelease: () => ({ mappings: [] }),

  add(attachment, ports) {
    if (ports.mappings.length === 0) return attachment.prevResult ?? emptyResult();
    const prevResult = requireChained(attachment, unchained);
    using host = NetworkStack.own();
    const publication = publicationOf(host, attachment, prevResult, ports);
    using undo = new DisposableStack();
    undo.use(publish(ownerOf(attachment), name, publication));
    const { link } = publication;
    if (link?.kind === "bridge" && ports.masquerade !== "none") allowHairpin(host, link.name, prevResult);
    undo.move();
    return prevResult;
  },

  del(attachment) {
    using _ = withdraw(ownerOf(attachment), name);
  },

  check(attachment, ports) {
    if (ports.mappings.length === 0) return;
    using host = NetworkStack.own();
    inspect(ownerOf(attachment), publicationOf(host, attachment, requireChained(attachment, unchained), ports));
  },

  gc: (network) => collect(network.name, network.validAttachments),

  status() {
    checkPrivileges();
    checkTables();
  },
};

function publicationOf(host: NetworkStack, attachment: Attachment, prevResult: Result, ports: Ports): Publication {
  const addresses = containerAddresses(attachment, prevResult);
  const link = hostLink(host, addresses, prevResult);
  const mappings = servedMappings(host.route, ports.mappings, addresses, what);
  return { addresses, ...(link && { link }), ports: { ...ports, mappings } };
}
