import { NetworkNamespace } from "../../src/linux/namespace.ts";
import { addContainer, removeContainer, runScript, suites } from "../bench/host.ts";
import type { Scenario } from "./scenarios.ts";
import { abridge } from "./snapshot.ts";
import { type Stage, setStage } from "./stage.ts";

/** What somebody else does to a host or a container between ADD and DEL. */
interface Disruption {
  readonly name: string;
  /** Shell script, run as a whole in the host's namespace, or in the container's. */
  readonly host?: string;
  readonly container?: string;
  /** What CHECK's error must name; left out: CHECK is not called. */
  readonly named?: RegExp;
}

const ofAll: readonly Disruption[] = [
  { name: "the container's namespace is deleted" },
  { name: "the interface is deleted", container: "ip link delete eth0", named: /eth0/ },
  {
    name: "the interface is renamed",
    container: "ip link set eth0 down; ip link set eth0 name eth9 up",
    named: /eth0/,
  },
  { name: "the interface is moved away", container: "ip link set eth0 netns $OTHER", named: /eth0/ },
  { name: "the interface is down", container: "ip link set eth0 down" },
  { name: "the addresses are flushed", container: "ip address flush dev eth0", named: /10\.10\.0\.\d+/ },
  { name: "the reservations are removed", host: "rm -rf $STATE/networks $STATE/vxlan $STATE/macvlan", named: /./ },
  { name: "the state directory is removed", host: "rm -rf /run/berth" },
];

const ofBridges: readonly Disruption[] = [
  { name: "the bridge is deleted", host: "ip link delete $BRIDGE", named: /bench0|vxbr100/ },
  { name: "the bridge is down", host: "ip link set $BRIDGE down" },
  { name: "the bridge lost its addresses", host: "ip address flush dev $BRIDGE" },
  {
    name: "the host's end is deleted",
    host: "ip -oneline link show master $BRIDGE type veth | sed 's/^[0-9]*: //; s/@.*//' | xargs -n 1 ip link delete",
    named: /eth0|veth/,
  },
  {
    name: "the host's end is taken off the bridge",
    host: "ip -oneline link show master $BRIDGE type veth | sed 's/^[0-9]*: //; s/@.*//' | xargs -I{} ip link set {} nomaster",
    named: /veth/,
  },
];

const ofTables: readonly Disruption[] = [
  { name: "the tables are flushed", host: "nft flush ruleset", named: /berth|table|masquerade|publish|element/ },
  { name: "the tables are emptied", host: "nft flush table inet berth", named: /berth|table|chain|rule/ },
];

/** By the scenario's name. */
export const disruptions: Readonly<Record<string, readonly Disruption[]>> = {
  "bridge with everything": [...ofAll, ...ofBridges, ...ofTables],
  macvlan: [...ofAll, { name: "the master is deleted", host: "ip link delete uplink", named: /uplink|eth0/ }],
  vxlan: [
    ...ofAll,
    ...ofBridges,
    { name: "the tunnel is deleted", host: "ip link delete vxlan100", named: /vxlan100/ },
    { name: "the underlay is gone", host: "ip link delete uplink", named: /./ },
  ],
};

/** @returns what DEL left, or CHECK overlooked, or failed without reason. */
export function disrupt(scenario: Scenario): string[] {
  return (disruptions[scenario.name] ?? []).flatMap((disruption) => {
    using stage = setStage(suites.berth, scenario);
    return tryOne(stage, disruption).map((problem) => `${disruption.name}: ${problem}`);
  });
}

function tryOne(stage: Stage, { host, container, named }: Disruption): string[] {
  const problems: string[] = [];
  const added = stage.call("ADD");
  if (added.status !== 0) return [`ADD failed: ${added.stdout}`];
  const prevResult: unknown = JSON.parse(added.stdout);

  const other = `${stage.container}-other`;
  addContainer(other);
  const bridge = stage.scenario.name === "vxlan" ? "vxbr100" : "bench0";
  const variables = `OTHER=${other} STATE=${stage.host.state} BRIDGE=${bridge}`;
  if (host !== undefined) runScript(stage.host.namespace, `${variables}\n${host}`);
  else if (container === undefined) stage.removeContainer();
  if (container !== undefined) {
    using inside = NetworkNamespace.open(`/run/netns/${stage.container}`);
    runScript(inside, `${variables}\n${container}`);
  }

  if (named !== undefined) {
    const { status, stdout } = stage.call("CHECK", { prevResult });
    if (status === 0) problems.push("CHECK found nothing wrong");
    else if (!named.test(stdout)) problems.push(`CHECK does not name it: ${stdout}`);
  }
  const { status, stdout } = stage.call("DEL", { prevResult });
  if (status !== 0) problems.push(`DEL failed: ${stdout}`);
  removeContainer(other);
  // What the disruption itself took away is no leftover.
  const left = stage.leftovers("on the host");
  if (left.length > 0) problems.push(`DEL left ${abridge(left)}`);
  const again = stage.call("DEL");
  if (again.status !== 0) problems.push(`the second DEL failed: ${again.stdout}`);
  return problems;
}
