import { expect, test } from "vitest";
import { NetworkNamespace } from "../../../src/linux/namespace.ts";
import { ensureSysctl, readSysctl, trySysctl } from "../../../src/linux/sysctl.ts";

test("the thread's namespace is that of its process, and no regular file is one", () => {
  using current = NetworkNamespace.current();
  using opened = NetworkNamespace.open("/proc/self/ns/net");
  expect(current.isSame(opened)).toBe(true);
  using other = NetworkNamespace.open("/proc/self/ns/mnt");
  expect(current.isSame(other)).toBe(false);
  expect(() => NetworkNamespace.open("/etc/passwd")).toThrow(/^Cannot use \/etc\/passwd: not a network namespace/);
  expect(() => NetworkNamespace.open("/run/no/such/namespace")).toThrow(/ENOENT/);
});

test("a namespace of another kind cannot be entered, and the thread stays where it is", () => {
  using before = NetworkNamespace.current();
  using other = NetworkNamespace.open("/proc/self/ns/mnt");
  expect(() => other.run(() => "inside")).toThrow(/setns: /);
  using after = NetworkNamespace.current();
  expect(after.isSame(before)).toBe(true);
});

test("a setting is read without its line end; one that this kernel lacks is undefined", () => {
  expect(readSysctl("kernel/ostype")).toBe("Linux");
  expect(readSysctl("net/ipv4/no_such_setting")).toBeUndefined();
});

test("a setting that is right already is not written, so it may be read-only", () => {
  // kernel/ostype cannot be written by anybody.
  expect(() => ensureSysctl("kernel/ostype", "Linux")).not.toThrow();
  expect(trySysctl("kernel/ostype", "Linux")).toBe(true);
});

test("a setting that cannot be had: the error names it and what it is", () => {
  expect(() => ensureSysctl("kernel/ostype", "Plan 9")).toThrow("Cannot set kernel/ostype to Plan 9: it is Linux");
  const missing = "net/ipv6/conf/no-such-link/accept_ra";
  expect(() => ensureSysctl(missing, 0)).toThrow(`Cannot set ${missing} to 0: this kernel has none`);
  expect(trySysctl("kernel/ostype", "Plan 9")).toBe(false);
  expect(trySysctl(missing, 0)).toBe(false);
});
