import { mkdirSync } from "node:fs";
import { addressNumber, fillStore } from "../netns/host-local/call.ts";
import {
  addContainer,
  callChain,
  callPlugin,
  type Host,
  type PluginConfig,
  removeContainer,
  startChain,
  type Verb,
} from "./host.ts";
import { bridge, bridgeDoesItAll, chainOfFive, hostLocal, macvlan, ptp, vxlan } from "./networks.ts";

/** A time of each verb, in milliseconds. */
export type Times = Readonly<Partial<Record<Verb, number>>>;

/** One thing to measure, on each suite's host. */
export interface Case {
  readonly name: string;
  /** The suites that have it; left out: both. */
  readonly only?: Host["suite"]["name"];
  /** How often: for what takes long by itself. Left out: as often as was asked for. */
  readonly rounds?: number;
  /** Makes what is there before the first round; what it returns takes it away again. */
  prepare?(host: Host): () => void;
  /** One round: it leaves the host as it was. */
  round(host: Host): Times | Promise<Times>;
}

/** ADD, CHECK and DEL of one more container. */
function attach(host: Host, plugins: readonly PluginConfig[]): Times {
  return come(host, plugins, (container, result) => ({
    CHECK: callChain(host, "CHECK", container, plugins, result).milliseconds,
  }));
}

/** ADD and DEL of one more container. */
function come(
  host: Host,
  plugins: readonly PluginConfig[],
  between: (container: string, result: unknown) => Times = () => ({}),
): Times {
  const container = `${host.suite.name}-measured`;
  const add = callChain(host, "ADD", container, plugins);
  const times = between(container, add.result);
  const del = callChain(host, "DEL", container, plugins, add.result);
  return { ADD: add.milliseconds, ...times, DEL: del.milliseconds };
}

/** Containers that stand on the network while others come and go. */
function stand(host: Host, count: number, pluginsOf: (index: number) => readonly PluginConfig[]): () => void {
  const results = Array.from({ length: count }, (_, index) => {
    const container = `${host.suite.name}-standing${index}`;
    addContainer(container);
    return { container, index, result: callChain(host, "ADD", container, pluginsOf(index)).result };
  });
  return () => {
    for (const { container, index, result } of results) {
      callChain(host, "DEL", container, pluginsOf(index), result);
      removeContainer(container);
    }
  };
}

function attachment(name: string, plugins: readonly PluginConfig[], only?: Case["only"]): Case {
  return {
    name,
    ...(only && { only }),
    prepare: (host) => stand(host, 1, () => plugins),
    round: (host) => attach(host, plugins),
  };
}

/**
 * Pods with all that is usual: of the Go suite a chain, of ours what `ours` says. Without CHECK, which the Go suite's
 * portmap fails for a container without an IPv6 address.
 */
function crowd(pods: number, name: string, ours: (hostPort: number) => PluginConfig[]): Case {
  const pluginsOf = ({ suite }: Host) => (suite.name === "Berth" ? ours : chainOfFive);
  return {
    name: `${name}, ${pods} pods`,
    ...(pods > 100 && { rounds: 5 }),
    prepare: (host) => stand(host, pods, (index) => pluginsOf(host)(20_000 + index)),
    round: (host) => come(host, pluginsOf(host)(19_999)),
  };
}

function reservations(count: number): Case {
  const plugin = (name: string): PluginConfig => ({
    type: "host-local",
    ipam: { ...hostLocal(1, name), ranges: [[{ subnet: "10.0.0.0/12" }]] },
  });
  const config = plugin(`reservations-${count}`);
  return {
    name: `host-local, ${count} reservations`,
    ...(count > 10_000 && { rounds: 5 }),
    prepare(host) {
      mkdirSync(`${host.state}/reservations-${count}`, { recursive: true });
      fillStore(`${host.state}/reservations-${count}/net`, count, addressNumber);
      callPlugin(host, { verb: "DEL", container: "nobody", plugin: config });
      return () => {};
    },
    round: (host) => attach(host, [config]),
  };
}

function parallel(count: number): Case {
  const plugins = [bridge()];
  const containersOf = ({ suite }: Host) => Array.from({ length: count }, (_, i) => `${suite.name}-parallel${i}`);
  return {
    name: `bridge, ${count} at once, until the last`,
    rounds: 5,
    prepare(host) {
      addContainer(...containersOf(host));
      return () => removeContainer(...containersOf(host));
    },
    async round(host) {
      let start = performance.now();
      const added = await Promise.all(
        containersOf(host).map(async (name) => [name, (await startChain(host, "ADD", name, plugins)).result] as const),
      );
      const ADD = performance.now() - start;
      start = performance.now();
      await Promise.all(added.map(([name, result]) => startChain(host, "DEL", name, plugins, result)));
      return { ADD, DEL: performance.now() - start };
    },
  };
}

export function listCases({ quick }: { quick: boolean }): Case[] {
  const crowds = quick ? [0, 20] : [0, 100, 500];
  return [
    attachment("bridge + host-local, IPv4", [bridge()]),
    attachment("bridge + host-local, dual stack", [bridge(2)]),
    attachment("macvlan + host-local, IPv4", [macvlan(1)]),
    // The Go suite waits seconds for IPv6 addresses here.
    { ...attachment("macvlan + host-local, dual stack", [macvlan(2)]), rounds: 7 },
    { ...attachment("ptp + host-local, dual stack", [ptp]), rounds: 7 },
    attachment("vxlan + host-local, 20 peers", [vxlan], "Berth"),
    ...(quick ? [0, 10_000] : [0, 10_000, 50_000]).map(reservations),
    ...crowds.map((pods) => crowd(pods, "chain of five", chainOfFive)),
    ...crowds.map((pods) => crowd(pods, "bridge does it all, beside Go's chain", bridgeDoesItAll)),
    parallel(quick ? 10 : 50),
  ];
}
