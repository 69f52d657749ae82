import { expect, test } from "vitest";
import { readFlags, usage } from "../../../cmd/dhcp/flags.ts";

const usual = {
  pidfile: "",
  hostprefix: "",
  socketpath: "/run/cni/dhcp.sock",
  broadcast: false,
  timeout: 10_000,
  resendmax: 62_000,
  resendtimeout: 208_000,
};

test("flags as upstream's daemon has them, in all forms that Go knows", () => {
  expect(readFlags([])).toEqual(usual);
  expect(readFlags(["-pidfile", "/run/x", "--hostprefix=/host", "-broadcast", "-timeout", "1m2.5s"])).toEqual({
    ...usual,
    pidfile: "/run/x",
    hostprefix: "/host",
    broadcast: true,
    timeout: 62_500,
  });
  expect(readFlags(["-broadcast=false", "-resendmax=500ms", "-resendtimeout", "1h"])).toEqual({
    ...usual,
    resendmax: 500,
    resendtimeout: 3_600_000,
  });
});

test("what is no flag, or has no right value, is named", () => {
  expect(() => readFlags(["-colour"])).toThrow("Cannot read -colour: no flag of this name");
  expect(() => readFlags(["daemon"])).toThrow("Cannot read daemon");
  expect(() => readFlags(["-timeout", "10"])).toThrow("Cannot read -timeout 10: not a value that it can have");
  expect(() => readFlags(["-pidfile"])).toThrow("Cannot read -pidfile");
  expect(() => readFlags(["-broadcast=maybe"])).toThrow("Cannot read -broadcast maybe");
});

test("usage names each flag with its default", () => {
  for (const name of Object.keys(usual)) expect(usage()).toContain(`-${name}`);
  expect(usage()).toContain("(208s)");
});
