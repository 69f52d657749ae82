/** What is true of a namespace, a result or a directory: one short statement by key. */
export type Facts = Map<string, string>;

/** The leaves of a JSON value by their path: `ips.0.address`. */
export function flatten(path: string, value: unknown, facts: Facts = new Map()): Facts {
  if (typeof value !== "object" || value === null) return facts.set(path, String(value));
  const entries = Object.entries(value);
  if (entries.length === 0) facts.set(path, Array.isArray(value) ? "[]" : "{}");
  for (const [key, part] of entries) flatten(path === "" ? key : `${path}.${key}`, part, facts);
  return facts;
}

export function addFacts(target: Facts, prefix: string, facts: Iterable<readonly [string, string]>): void {
  for (const [key, value] of facts) target.set(`${prefix} ${key}`, value);
}

/** A key whose values are not the same; undefined: the key is not there. */
export interface Disagreement {
  readonly key: string;
  readonly go: string | undefined;
  readonly berth: string | undefined;
}

/** What a key says more about something that has several facts: `link cni0: mtu`. */
const ofSeveral = ": ";

/** A thing that one side lacks altogether is one disagreement, however many facts the other has of it. */
export function disagreements(go: Facts, berth: Facts): Disagreement[] {
  const [goThings, berthThings] = [things(go), things(berth)];
  const found = new Map<string, Disagreement>();
  for (const key of new Set([...go.keys(), ...berth.keys()])) {
    const thing = thingOf(key);
    const pair =
      goThings.has(thing) && berthThings.has(thing)
        ? { key, go: go.get(key), berth: berth.get(key) }
        : { key: thing, go: sole(goThings, go, thing), berth: sole(berthThings, berth, thing) };
    if (pair.go !== pair.berth) found.set(pair.key, pair);
  }
  return [...found.values()];
}

function things(facts: Facts): Set<string> {
  return new Set([...facts.keys()].map(thingOf));
}

function thingOf(key: string): string {
  return key.split(ofSeveral, 1)[0] ?? key;
}

function sole(known: ReadonlySet<string>, facts: Facts, thing: string): string | undefined {
  return known.has(thing) ? (facts.get(thing) ?? "there") : undefined;
}
