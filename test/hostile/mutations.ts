import fc from "fast-check";

/** Values that are of another kind, too large, or mean something to somebody. */
const words = [
  "",
  " ",
  "..",
  "../../etc",
  "/etc/passwd",
  "a/b",
  "-j",
  "$(id)",
  "a\nb",
  "\0",
  "__proto__",
  "constructor",
  "toString",
  "\ud800",
  "é",
  "x".repeat(300),
  "-1",
  "null",
  "0.0.0.0/0",
  "::/0",
  "255.255.255.255/32",
  "::ffff:10.1.0.1/120",
  "10.1.0.999/24",
  "10.1.0.0/33",
];
const numbers = [0, -1, 1.5, 65_536, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 63, Number.MAX_VALUE];
const others = [null, true, false, [], {}, [[[]]], [null], { a: 1 }, JSON.parse('{"__proto__": {"polluted": true}}')];

/** A value to be put in the place of another. */
export const value: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(...words, ...numbers, ...others),
  fc.jsonValue({ maxDepth: 2 }),
);

/** Steps into a value: at each level, the entry of that number, of as many as there are. */
export const path: fc.Arbitrary<number[]> = fc.array(fc.nat(20), { minLength: 1, maxLength: 6 });

/** The value with another one somewhere in it. */
export function replaceAt(whole: unknown, [step, ...rest]: readonly number[], by: unknown): unknown {
  if (step === undefined || typeof whole !== "object" || whole === null) return by;
  const entries = Object.entries(whole);
  const [chosen] = entries[step % Math.max(entries.length, 1)] ?? [];
  if (chosen === undefined) return by;
  const changed = entries.map(([key, part]) => [key, key === chosen ? replaceAt(part, rest, by) : part] as const);
  return Array.isArray(whole) ? changed.map(([, part]) => part) : Object.fromEntries(changed);
}

/** Bytes cut out of a text, and others put in. */
export interface Cut {
  readonly at: number;
  readonly length: number;
  readonly bytes: Uint8Array;
}

export const cut: fc.Arbitrary<Cut> = fc.record({
  at: fc.nat(),
  length: fc.nat(4),
  bytes: fc.uint8Array({ maxLength: 4 }),
});

export function applyCut(valid: Uint8Array, { at, length, bytes }: Cut): Uint8Array {
  const start = at % (valid.length + 1);
  return Buffer.concat([valid.subarray(0, start), bytes, valid.subarray(start + length)]);
}

/** What a variable of the environment can hold: no NUL, which ends it. */
export const variableValue: fc.Arbitrary<string> = fc
  .oneof(fc.constantFrom(...words), fc.string({ unit: "binary", maxLength: 40 }), fc.string({ maxLength: 20 }))
  .map((text) => text.replaceAll("\0", ""));

export const variables = ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH", "CNI_COMMAND"] as const;
