import { describe, expect, test } from "vitest";
import { isVerb } from "../../../src/cni/environment.ts";
import { checkVersion } from "../../../src/cni/support.ts";
import { compareVersions, isVersion, parseVersion, versions, versionsFrom } from "../../../src/cni/version.ts";

test("the list, and its tails", () => {
  expect(versions).toEqual(["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]);
  expect(versionsFrom("0.4.0")).toEqual(["0.4.0", "1.0.0", "1.1.0"]);
  expect(versionsFrom("0.1.0")).toEqual(versions);
});

test.each([
  ["", [0, 1, 0]],
  ["1", [1, 0, 0]],
  ["1.0", [1, 0, 0]],
  ["1.1.0", [1, 1, 0]],
  ["01.02.03", [1, 2, 3]],
])("%j is %j", (text, parts) => expect(parseVersion(text)).toEqual(parts));

test.each([
  ["asdfasdf", /failed to convert major version part "asdfasdf"/],
  ["asdf.", /major/],
  [".asdfas", /major/],
  ["asdf.adsf.", /major/],
  ["0.", /failed to convert minor version part ""/],
  ["..", /major/],
  ["1.1.0-rc1", /failed to convert micro version part "0-rc1"/],
  ["1.2.3.4.5", /^invalid version "1.2.3.4.5": too many parts$/],
  ["1.1e1.0", /minor/],
])("%j is refused", (text, message) => expect(() => parseVersion(text)).toThrow(message));

test.each([
  ["0.3.0", "0.3.0", 0],
  ["0.4.0", "0.3.1", 1],
  ["0.3.1", "0.10.0", -1],
  ["1.0", "1.0.0", 0],
  ["1.0.0", "0.4.0", 1],
  ["", "0.1.0", 0],
  ["2", "1.1.0", 1],
])("%s against %s", (a, b, order) => {
  expect(Math.sign(compareVersions(a, b))).toBe(order);
  expect(Math.sign(compareVersions(b, a))).toBe(0 - order);
});

test("support is by text: 1.0 is no version of the specification", () => {
  expect(isVersion("1.0")).toBe(false);
  expect(isVersion("1.0.0")).toBe(true);
  expect(isVerb("add")).toBe(false);
});

describe("which configuration version allows which verb", () => {
  const since = { ADD: "0.1.0", DEL: "0.1.0", CHECK: "0.4.0", GC: "1.1.0", STATUS: "1.1.0" } as const;
  for (const [verb, oldest] of Object.entries(since)) {
    for (const version of versions) {
      test(`${verb} ${version}`, () => {
        const check = () => checkVersion(verb as keyof typeof since, version, versions);
        if (compareVersions(version, oldest) >= 0) expect(check()).toBe(version);
        else {
          expect(check).toThrow(expect.objectContaining({ code: 1, message: `config version does not allow ${verb}` }));
        }
      });
    }
  }

  test.each([
    ["ADD", "0.3.1", "incompatible CNI versions"],
    ["DEL", "9.9.9", "incompatible CNI versions"],
    ["ADD", "junk", "incompatible CNI versions"],
    ["CHECK", "0.5.0", "incompatible CNI versions"],
    ["CHECK", "1.2.0", "plugin version does not allow CHECK"],
    ["GC", "1.1.1", "plugin version does not allow GC"],
  ] as const)("%s with %s: %s", (verb, version, message) => {
    expect(() => checkVersion(verb, version, versionsFrom("0.4.0"))).toThrow(
      expect.objectContaining({
        code: 1,
        message,
        details: `config is "${version}", plugin supports ["0.4.0" "1.0.0" "1.1.0"]`,
      }),
    );
  });

  test("CHECK of an old plugin, and of a version that is none", () => {
    expect(() => checkVersion("CHECK", "0.4.0", ["0.1.0", "0.2.0", "0.3.1"])).toThrow(
      "plugin version does not allow CHECK",
    );
    expect(() => checkVersion("CHECK", "junk", versions)).toThrow(expect.objectContaining({ code: 6 }));
  });
});
