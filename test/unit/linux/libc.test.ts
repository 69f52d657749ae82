import { expect, test } from "vitest";
import { openSocket } from "../../../src/linux/descriptor.ts";
import { call, errorName, errorText, SystemError } from "../../../src/linux/libc.ts";

test.each([
  [1, "EPERM", "Operation not permitted"],
  [17, "EEXIST", "File exists"],
  [19, "ENODEV", "No such device"],
  [99, "EADDRNOTAVAIL", "Cannot assign requested address"],
  // Node.js calls it ENOTSUP.
  [95, "EOPNOTSUPP", "Operation not supported"],
])("errno %i is %s", (errno, name, text) => {
  expect(errorName(errno)).toBe(name);
  expect(errorText(errno)).toBe(text);
});

test("an error number that nobody knows has a name and a text all the same", () => {
  expect(errorName(4000)).toMatch(/4000/);
  expect(errorText(4000)).toMatch(/4000/);
});

test("a call that fails throws what errno says", () => {
  const attempt = () => call("setns", -1, 0);
  expect(attempt).toThrow(SystemError);
  expect(attempt).toThrow("setns: Bad file descriptor");
});

test("a socket is closed at the end of its scope", () => {
  const AF_UNIX = 1;
  const SOCK_STREAM = 1;
  let socket: ReturnType<typeof openSocket>;
  {
    using inner = openSocket(AF_UNIX, SOCK_STREAM, 0);
    socket = inner;
  }
  expect(() => socket[Symbol.dispose]()).toThrow(/EBADF/);
});
