import { CniError, ErrorCode } from "./error.ts";

/**
 * The values of `names` in CNI_ARGS (`K=V;K=V`); names are case-sensitive, values may be empty.
 *
 * Keys not in `names` are refused unless `IgnoreUnknown=1` is among the pairs, as the Go suite does: by that a runtime
 * learns that an address it asked for would have been ignored.
 *
 * @throws CniError (invalidEnvironment).
 */
export function loadArgs<const Name extends string>(
  text: string,
  names: readonly Name[],
): { readonly [K in Name]?: string } {
  const values = new Map<string, string>();
  const unknown: string[] = [];
  let ignoreUnknown = false;
  for (const pair of text === "" ? [] : text.split(";")) {
    const [key = "", value, ...more] = pair.split("=");
    if (value === undefined || more.length > 0) throw invalidArgs(`invalid pair ${JSON.stringify(pair)}`);
    if (key === "IgnoreUnknown") ignoreUnknown = parseBoolean(value, pair);
    else if ((names as readonly string[]).includes(key)) values.set(key, value);
    else unknown.push(pair);
  }
  if (unknown.length > 0 && !ignoreUnknown) {
    throw invalidArgs(
      `unknown args [${unknown.map((pair) => JSON.stringify(pair)).join(" ")}]`,
      `allowed: ${[...names, "IgnoreUnknown"].join(", ")}; IgnoreUnknown=1 lets others pass`,
    );
  }
  return Object.fromEntries(values) as { [K in Name]?: string };
}

/**
 * As {@link loadArgs}, for plugins whose Go twin does not look at CNI_ARGS: whatever else stands there, they let it pass.
 */
export function looseArgs<const Name extends string>(
  text: string,
  names: readonly Name[],
): { readonly [K in Name]?: string } {
  // A value may have a `=` in it.
  const pairs = text.split(";").map((pair) => /^([^=]*)=(.+)$/s.exec(pair)?.slice(1) ?? []);
  return Object.fromEntries(pairs.filter(([key = ""]) => (names as readonly string[]).includes(key))) as {
    [K in Name]?: string;
  };
}

function parseBoolean(value: string, pair: string): boolean {
  const folded = value.toLowerCase();
  if (folded === "1" || folded === "true") return true;
  if (folded === "0" || folded === "false") return false;
  throw invalidArgs(
    `error parsing value of pair ${JSON.stringify(pair)}: boolean unmarshal error: invalid input ${folded}`,
  );
}

function invalidArgs(reason: string, details?: string): CniError {
  return new CniError(ErrorCode.invalidEnvironment, `CNI_ARGS: ${reason}`, { details });
}
