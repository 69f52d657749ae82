import {
  addContainer,
  callPlugin,
  type Host,
  makeHost,
  removeContainer,
  removeHost,
  runScript,
  type Suite,
  startChain,
  startPlugin,
} from "../bench/host.ts";
import { bridgeDoesItAll, chainOfFive } from "../bench/networks.ts";
import { summarize } from "../bench/table.ts";
import { abridge, compareSettled, takeSnapshot } from "./snapshot.ts";

interface Pod {
  readonly container: string;
  readonly plugins: ReturnType<typeof bridgeDoesItAll>;
  result?: unknown;
}

interface CniResult {
  readonly ips: readonly { readonly address: string }[];
}

/**
 * As many ADDs at once as there are pods, then DELs of half of them with ADDs of others, CHECKs and GCs beside, then DELs
 * of all.
 *
 * @returns what went wrong; `waits` are the milliseconds of each first ADD, in which all its plugins are.
 */
export async function crowd(suite: Suite, count: number): Promise<{ problems: string[]; waits: number[] }> {
  const host = makeHost(suite, `load-${suite.name.toLowerCase()}`);
  const makePlugins = suite.name === "Berth" ? bridgeDoesItAll : chainOfFive;
  const makePod = (prefix: string, index: number, port: number): Pod => ({
    container: `${suite.name}-${prefix}${index}`,
    plugins: makePlugins(port + index),
  });
  const pods = Array.from({ length: count }, (_, index) => makePod("pod", index, 20_000));
  const late = Array.from({ length: count >> 1 }, (_, index) => makePod("late", index, 30_000));
  const containers = [...pods, ...late].map(({ container }) => container);
  addContainer(...containers);
  using _ = {
    [Symbol.dispose]() {
      removeContainer(...containers);
      removeHost(host);
    },
  };
  const problems: string[] = [];
  const attempt = async <T>(what: Promise<T>): Promise<T | undefined> => {
    try {
      return await what;
    } catch (error) {
      problems.push(String(error));
      return undefined;
    }
  };
  const add = async (pod: Pod) => {
    const added = await attempt(startChain(host, "ADD", pod.container, pod.plugins));
    pod.result = added?.result;
    return added?.milliseconds ?? Number.NaN;
  };
  const del = (pod: Pod) => attempt(startChain(host, "DEL", pod.container, pod.plugins, pod.result));
  const check = (pod: Pod) => attempt(startChain(host, "CHECK", pod.container, pod.plugins, pod.result));

  warm(host, makePlugins(19_999));
  const before = takeSnapshot(host);
  const waits = await Promise.all(pods.map(add));
  problems.push(...duplicates(pods));
  problems.push(...unreachable(host, pods));

  const half = pods.splice(0, count >> 1);
  const canCollect = suite.name === "Berth";
  await Promise.all([
    ...half.map(del),
    ...late.map(add),
    ...(canCollect ? pods.slice(0, count >> 2).map(check) : []),
    ...(canCollect ? [1, 2].map(() => attempt(collectGarbage(host, containers))) : []),
  ]);
  problems.push(...duplicates([...pods, ...late]));
  await Promise.all([...pods, ...late].map(del));
  const left = compareSettled(before, () => takeSnapshot(host));
  if (left.length > 0) problems.push(`left: ${abridge(left)}`);
  return { problems, waits };
}

/** For the table of {@link crowd}'s waits. */
export function describeWaits(waits: readonly number[]): string {
  const sorted = waits.toSorted((a, b) => a - b);
  const at = (share: number) => (sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN).toFixed(0);
  return `median ${summarize(waits).median.toFixed(0)} ms, 95 of 100 within ${at(0.95)} ms, longest ${at(1)} ms`;
}

function warm(host: Host, plugins: Pod["plugins"]): void {
  const container = `${host.suite.name}-warm`;
  addContainer(container);
  let prevResult: unknown;
  for (const plugin of plugins)
    prevResult = JSON.parse(callPlugin(host, { verb: "ADD", container, plugin, prevResult }).stdout);
  for (const plugin of plugins.toReversed()) callPlugin(host, { verb: "DEL", container, plugin, prevResult });
  removeContainer(container);
}

/** With a list of all containers that there ever were, so that nothing is to be collected. */
async function collectGarbage(host: Host, containers: readonly string[]): Promise<void> {
  const attachments = containers.map((containerID) => ({ containerID, ifname: "eth0" }));
  for (const plugin of bridgeDoesItAll(1)) {
    const { runtimeConfig: _, ...config } = plugin;
    const call = {
      verb: "GC",
      container: "none",
      plugin: { ...config, type: plugin.type, "cni.dev/valid-attachments": attachments },
    } as const;
    const { status, stdout, stderr } = await startPlugin(host, call);
    if (status !== 0) throw new Error(`GC failed: ${stdout}${stderr}`);
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

/** Each pod answers the host, one packet each. */
function unreachable({ namespace }: Host, pods: readonly Pod[]): string[] {
  const addresses = pods.flatMap(({ result }) =>
    ((result as CniResult | undefined)?.ips ?? []).map(({ address }) => address.replace(/\/.*/, "")),
  );
  const script = `for address in ${addresses.join(" ")}; do ping -c 1 -w 15 -q $address >/dev/null || echo $address; done`;
  return runScript(namespace, script)
    .split("\n")
    .filter(Boolean)
    .map((address) => `${address} does not answer`);
}
