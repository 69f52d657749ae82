import fc from "fast-check";
import { expect, test } from "vitest";
import { loadArgs, looseArgs } from "../../../src/cni/args.ts";
import { CniError } from "../../../src/cni/error.ts";

const good: [text: string, values: Record<string, string>][] = [
  ["", {}],
  ["IP=10.0.0.1", { IP: "10.0.0.1" }],
  ["IP=", { IP: "" }],
  ["MAC=02:00:00:00:00:01;IP=::1", { MAC: "02:00:00:00:00:01", IP: "::1" }],
  ["IP=a;IP=b", { IP: "b" }],
  ["IgnoreUnknown=1;K8S_POD_NAME=x", {}],
  ["K8S_POD_NAME=x;NERDCTL_CNI_DHCP_HOSTNAME=;IP=1.2.3.4;IgnoreUnknown=TRUE", { IP: "1.2.3.4" }],
  ["IgnoreUnknown=0", {}],
  ["IgnoreUnknown=false;IP=x", { IP: "x" }],
];

test.each(good)("%j", (text, values) => {
  expect(loadArgs(text, ["IP", "MAC"])).toEqual(values);
});

const bad: [text: string, reason: string][] = [
  ["IP=a=b", 'ARGS: invalid pair "IP=a=b"'],
  ["IP=a;", 'ARGS: invalid pair ""'],
  [";", 'ARGS: invalid pair ""'],
  ["IP", 'ARGS: invalid pair "IP"'],
  ["IgnoreUnknown=1;X", 'ARGS: invalid pair "X"'],
  ["X=1", 'ARGS: unknown args ["X=1"]'],
  ["X=1;IP=a;Y=", 'ARGS: unknown args ["X=1" "Y="]'],
  ["ip=10.0.0.1", 'ARGS: unknown args ["ip=10.0.0.1"]'],
  ["X=1;IgnoreUnknown=0", 'ARGS: unknown args ["X=1"]'],
  ["X=1;ignoreunknown=1", 'ARGS: unknown args ["X=1" "ignoreunknown=1"]'],
  [
    "IgnoreUnknown=YES",
    'ARGS: error parsing value of pair "IgnoreUnknown=YES": boolean unmarshal error: invalid input yes',
  ],
  ["__proto__=1", 'ARGS: unknown args ["__proto__=1"]'],
];

test.each(bad)("%j is refused", (text, reason) => {
  // The specification wants the variable named in the message of code 4.
  expect(() => loadArgs(text, ["IP", "MAC"])).toThrow(expect.objectContaining({ code: 4, message: `CNI_${reason}` }));
});

test("any text gives values for the names asked for, or one CniError", () => {
  const part = fc.oneof(fc.constantFrom("IP", "MAC", "IgnoreUnknown", "=", ";", "1", "__proto__"), fc.string());
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      try {
        const values = loadArgs(parts.join(""), ["IP", "MAC"]);
        expect(["IP", "MAC"]).toEqual(expect.arrayContaining(Object.keys(values)));
        expect(Object.getPrototypeOf(values)).toBe(Object.prototype);
      } catch (error) {
        expect(error).toBeInstanceOf(CniError);
      }
    }),
  );
});

test.each([
  ["", {}],
  ["MAC=x", { MAC: "x" }],
  ["OTHER=1;MAC=x;", { MAC: "x" }],
  ["=;broken;a=b=c;MAC=x", { MAC: "x" }],
  ["MAC=;mac=x", {}],
])("plugins that never looked at %j let it pass, and find %j", (text, values) => {
  expect(looseArgs(text, ["MAC"])).toEqual(values);
});
