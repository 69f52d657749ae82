import fc from "fast-check";
import { expect, test } from "vitest";
import { field, maxDepth, parseJson } from "../../../src/cni/json.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

test.each(["", " ", "{", "nul", "{}{}", "{} x", "\u{feff}{}", "{'a':1}", "[1,]", "NaN", "01"])(
  "%j is no JSON",
  (text) => {
    expect(() => parseJson(bytes(text))).toThrow(SyntaxError);
  },
);

test("depth has a limit, and hostile depth is an error, not a crash", () => {
  expect(() => parseJson(nested(maxDepth))).not.toThrow();
  expect(() => parseJson(nested(maxDepth + 1))).toThrow(/max depth/);
  expect(() => parseJson(nested(300_000))).toThrow(SyntaxError);
  expect(() => parseJson(`[${"{},".repeat(50_000)}1]`)).not.toThrow();
  expect(() => parseJson(`[${'"\\\\", "[\\"[",'.repeat(50_000)}1]`)).not.toThrow();
  expect(() => parseJson(`[${"{},".repeat(300_000)}1]`)).toThrow(/number of objects/);
  expect(() => parseJson(`"${"[".repeat(50_000)}"`)).not.toThrow();
});

test("invalid UTF-8 becomes U+FFFD, as with Go", () => {
  expect(parseJson(Uint8Array.of(0x22, 0xff, 0x22))).toBe("\u{fffd}");
});

const lookups: [text: string, key: string, value: unknown][] = [
  ['{"name":"a"}', "name", "a"],
  ['{"NAME":"a"}', "name", "a"],
  ['{"name":"a","NAME":"b"}', "name", "b"],
  ['{"NAME":"b","name":"a"}', "name", "a"],
  ['{"name":"a","name":"c"}', "name", "c"],
  ['{"name":"a","NAME":null}', "name", "a"],
  ['{"name":null}', "name", undefined],
  ["{}", "toString", undefined],
  ["{}", "__proto__", undefined],
  ['{"__proto__":1}', "__proto__", 1],
  ['{"CNI.dev/Valid-Attachments":[]}', "cni.dev/valid-attachments", []],
];

test.each(lookups)("%s has %s", (text, key, value) => {
  expect(field(parseJson(text) as Record<string, unknown>, key)).toEqual(value);
});

test("what is read is what JSON.parse reads", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(parseJson(bytes(text))).toEqual(JSON.parse(text));
    }),
  );
});
