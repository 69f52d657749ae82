import { startAgent } from "../bench/agent.ts";
import {
  addContainer,
  callChain,
  type Host,
  makeHost,
  type PluginConfig,
  removeContainer,
  removeHost,
  runScript,
  type Suite,
  startChain,
  startPlugin,
} from "../bench/host.ts";
import { summarize } from "../bench/table.ts";
import { abridge, compareSettled, takeSnapshot } from "./snapshot.ts";

/** The plugins of a container's network, the container having this port of the host. */
export type MakePlugins = (hostPort: number) => PluginConfig[];

interface Pod {
  readonly container: string;
  readonly plugins: readonly PluginConfig[];
  result?: unknown;
}

interface CniResult {
  readonly ips: readonly { readonly address: string }[];
}

/** What went wrong, and the milliseconds of each ADD and DEL, in which all plugins of the network are. */
export interface Load {
  readonly problems: string[];
  readonly adds: number[];
  readonly dels: number[];
}

/**
 * As many ADDs at once as there are pods, then DELs of half of them with ADDs of others, CHECKs and GCs beside, then DELs
 * of all that are left.
 *
 * @param withAgent whether one answers what it can.
 */
export async function crowd(suite: Suite, makePlugins: MakePlugins, count: number, withAgent = false): Promise<Load> {
  using node = makeNode(suite, makePlugins, { pod: count, late: count >> 1 });
  const agent = withAgent ? await startAgent(node.host) : undefined;
  const { host, problems, attempt, add, del, before } = node;
  const [pods, late] = [node.pods["pod"] ?? [], node.pods["late"] ?? []];
  const adds = await Promise.all(pods.map(add));
  problems.push(...duplicates(pods), ...unreachable(host, pods));

  const half = pods.splice(0, count >> 1);
  const all = [...half, ...pods, ...late];
  // The Go suite has no GC, and its CHECK of a chain fails while others change the tables.
  const isOurs = suite.name === "Berth";
  const check = ({ container, plugins, result }: Pod) => attempt(startChain(host, "CHECK", container, plugins, result));
  const [, , dels] = await Promise.all([
    Promise.all(isOurs ? pods.slice(0, count >> 2).map(check) : []),
    Promise.all(isOurs ? [1, 2].map(() => attempt(collectGarbage(host, makePlugins(1), all))) : []),
    Promise.all(half.map(del)),
    Promise.all(late.map(add)),
  ]);
  problems.push(...duplicates([...pods, ...late]));
  dels.push(...(await Promise.all([...pods, ...late].map(del))));
  await agent?.stop();
  const left = compareSettled(before, () => takeSnapshot(host));
  if (left.length > 0) problems.push(`left: ${abridge(left)}`);
  return { problems, adds, dels };
}

/** Pods that all stand at one time, added some at once, each of which answers; then all of them go. */
export async function stand(suite: Suite, makePlugins: MakePlugins, count: number, atOnce = 4): Promise<Load> {
  using node = makeNode(suite, makePlugins, { pod: count });
  const { host, problems, add, del, before } = node;
  const pods = node.pods["pod"] ?? [];
  const adds = await inLanes(pods, atOnce, add);
  problems.push(...duplicates(pods), ...unreachable(host, pods));
  const dels = await inLanes(pods, atOnce, del);
  const left = compareSettled(before, () => takeSnapshot(host));
  if (left.length > 0) problems.push(`left: ${abridge(left)}`);
  return { problems, adds, dels };
}

/** For a table: how long half of them took at most, 95 of 100, and the longest. */
export function describeWaits(waits: readonly number[]): string {
  const sorted = waits.filter(Number.isFinite).sort((a, b) => a - b);
  const at = (share: number) => (sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN).toFixed(0);
  return `half within ${summarize(sorted).median.toFixed(0)} ms, 95 of 100 within ${at(0.95)} ms, all within ${at(1)} ms`;
}

/** A host with containers that have no network yet; what is made on a host once and for all is there. */
function makeNode(suite: Suite, makePlugins: MakePlugins, counts: Readonly<Record<string, number>>) {
  const host = makeHost(suite, `load-${suite.name.toLowerCase()}`);
  let port = 20_000;
  const makePod = (prefix: string, index: number): Pod => ({
    container: `${suite.name}-${prefix}${index}`,
    plugins: makePlugins(port++),
  });
  const pods: Record<string, Pod[]> = {};
  for (const [prefix, length] of Object.entries(counts))
    pods[prefix] = Array.from({ length }, (_, i) => makePod(prefix, i));
  const first = makePod("first", 0);
  const containers = [first, ...Object.values(pods).flat()].map(({ container }) => container);
  addContainer(...containers);
  const { result } = callChain(host, "ADD", first.container, first.plugins);
  callChain(host, "DEL", first.container, first.plugins, result);

  const problems: string[] = [];
  const attempt = async <T>(what: Promise<T>): Promise<T | undefined> => {
    try {
      return await what;
    } catch (error) {
      problems.push(String(error));
      return undefined;
    }
  };
  return {
    host,
    pods,
    problems,
    attempt,
    before: takeSnapshot(host),
    async add(pod: Pod): Promise<number> {
      const added = await attempt(startChain(host, "ADD", pod.container, pod.plugins));
      pod.result = added?.result;
      return added?.milliseconds ?? Number.NaN;
    },
    async del({ container, plugins, result }: Pod): Promise<number> {
      return (await attempt(startChain(host, "DEL", container, plugins, result)))?.milliseconds ?? Number.NaN;
    },
    [Symbol.dispose]() {
      removeContainer(...containers);
      removeHost(host);
    },
  };
}

/** Does it for each, so many at a time. */
async function inLanes<Item, Outcome>(
  items: readonly Item[],
  lanes: number,
  action: (item: Item) => Promise<Outcome>,
): Promise<Outcome[]> {
  const queue = [...items];
  const outcomes: Outcome[] = [];
  const lane = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) outcomes.push(await action(item));
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return outcomes;
}

/** With a list of all pods that there ever were, so that nothing is to be collected. */
async function collectGarbage(host: Host, plugins: readonly PluginConfig[], pods: readonly Pod[]): Promise<void> {
  const attachments = pods.map(({ container }) => ({ containerID: container, ifname: "eth0" }));
  for (const { runtimeConfig: _, ...plugin } of plugins) {
    const call = {
      verb: "GC",
      container: "none",
      plugin: { ...plugin, type: plugin.type, "cni.dev/valid-attachments": attachments },
    } as const;
    const { status, stdout, stderr } = await startPlugin(host, call);
    if (status !== 0) throw new Error(`${plugin.type} GC failed: ${stdout}${stderr}`);
  }
}

function duplicates(pods: readonly Pod[]): string[] {
  const holders = new Map<string, string>();
  return pods.flatMap(({ container, result }) =>
    ((result as CniResult | undefined)?.ips ?? []).flatMap(({ address }) => {
      const holder = holders.getOrInsert(address, container);
      return holder === container ? [] : [`${address} was given to ${holder} and ${container}`];
    }),
  );
}

/** Each pod answers the host; on a machine that does much else, at the third time at the latest. */
function unreachable({ namespace }: Host, pods: readonly Pod[]): string[] {
  const addresses = pods.flatMap(({ result }) =>
    ((result as CniResult | undefined)?.ips ?? []).map(({ address }) => address.replace(/\/.*/, "")),
  );
  const ask = "ping -c 1 -W 3 -q $address >/dev/null";
  const script = `for address in ${addresses.join(" ")}; do ${ask} || ${ask} || ${ask} || echo $address; done`;
  return runScript(namespace, script)
    .split("\n")
    .filter(Boolean)
    .map((address) => `${address} does not answer`);
}
