export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Objects and lists within each other that are read: far more than any configuration has, and few enough that no
 * recursion over what was read exhausts the stack.
 */
export const maxDepth = 512;

/** @throws SyntaxError when `input` is not one JSON document, or nests deeper than {@link maxDepth}. */
export function parseJson(input: Uint8Array | string): unknown {
  const text = typeof input === "string" ? input : new TextDecoder("utf-8", { ignoreBOM: true }).decode(input);
  const value: unknown = JSON.parse(text);
  // Text with few brackets cannot be deep, which spares nearly every document the walk.
  if ((text.match(/[[{]/g)?.length ?? 0) > maxDepth) refuseDeep(value);
  return value;
}

function refuseDeep(root: unknown): void {
  const isContainer = (value: unknown): value is object => typeof value === "object" && value !== null;
  let level = [root].filter(isContainer);
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > maxDepth) throw new SyntaxError(`exceeded max depth of ${maxDepth}`);
    level = level.flatMap((value) => Object.values(value).filter(isContainer));
  }
}

/** JSON as every CNI plugin prints it: indented by 4 spaces, no line feed after it. */
export function formatJson(value: unknown): string {
  return JSON.stringify(value, null, 4);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The value of `key` as Go's encoding/json finds it: without regard to case, the last one winning, null being no value.
 * containerd really sends `HostPort` for `hostPort`.
 */
export function field(object: JsonObject, key: string): unknown {
  const folded = key.toLowerCase();
  let found: unknown;
  for (const [name, value] of Object.entries(object)) {
    if (name.toLowerCase() === folded && value !== null) found = value;
  }
  return found;
}

/** What kind of JSON value this is, for error texts. */
export function jsonType(value: unknown): string {
  if (value === null || value === undefined) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
