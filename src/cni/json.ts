export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Objects and lists within each other that are read: far more than any configuration has, and few enough that no
 * recursion over what was read exhausts the stack.
 */
export const maxDepth = 512;

/** Objects and lists in one document: in memory, an empty one is twenty times as large as its two brackets. */
const maxContainers = 1 << 18;

/**
 * @throws SyntaxError when `input` is not one JSON document, nests deeper than {@link maxDepth}, or has more than 262,144
 *   objects and lists.
 */
export function parseJson(input: Uint8Array | string): unknown {
  const text = typeof input === "string" ? input : new TextDecoder("utf-8", { ignoreBOM: true }).decode(input);
  // Text with few brackets cannot be deep, which spares nearly every document a look at each character.
  if (hasManyBrackets(text)) measure(text);
  return JSON.parse(text);
}

function hasManyBrackets(text: string): boolean {
  const bracket = /[[{]/g;
  for (let count = 0; count <= maxDepth; count++) if (!bracket.test(text)) return false;
  return true;
}

/** Before it is parsed: what nests 100,000 deep takes a hundred times its length in memory. */
function measure(text: string): void {
  let depth = 0;
  let containers = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') at = endOfString(text, at);
    else if (character === "]" || character === "}") depth--;
    else if (character === "[" || character === "{") {
      if (++depth > maxDepth) throw new SyntaxError(`exceeded max depth of ${maxDepth}`);
      if (++containers > maxContainers) throw new SyntaxError(`exceeded max number of objects: ${maxContainers}`);
    }
  }
}

/** The position of the quotation mark that ends the string which begins at `start`; of the text's end where none does. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at;
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
