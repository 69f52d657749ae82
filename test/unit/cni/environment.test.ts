import { describe, expect, test } from "vitest";
import {
  checkContainerID,
  checkEnvironment,
  checkInterfaceName,
  checkNetworkName,
} from "../../../src/cni/environment.ts";

const complete = {
  CNI_CONTAINERID: "c1",
  CNI_NETNS: "/run/netns/x",
  CNI_IFNAME: "eth0",
  CNI_ARGS: "",
  CNI_PATH: "/opt/cni/bin",
};

describe("which verb needs which variable", () => {
  const all = ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"];
  const needs: Record<string, string[]> = {
    ADD: all,
    CHECK: all,
    DEL: ["CNI_CONTAINERID", "CNI_IFNAME", "CNI_PATH"],
    GC: ["CNI_PATH"],
    STATUS: ["CNI_PATH"],
    VERSION: [],
    NOPE: [],
    add: [],
  };
  for (const [verb, needed] of Object.entries(needs)) {
    test(`${verb}: all that are missing at once, in the table's order`, () => {
      const check = () => checkEnvironment({ CNI_COMMAND: verb });
      if (needed.length === 0) expect(check).not.toThrow();
      else {
        expect(check).toThrow(
          expect.objectContaining({ code: 4, message: `required env variables [${needed.join(",")}] missing` }),
        );
      }
    });
    for (const name of Object.keys(complete)) {
      for (const value of [undefined, ""]) {
        test(`${verb} with ${name} ${value === "" ? "empty" : "unset"}`, () => {
          const check = () => checkEnvironment({ ...complete, CNI_COMMAND: verb, [name]: value });
          if (needed.includes(name)) expect(check).toThrow(`required env variables [${name}] missing`);
          else expect(check).not.toThrow();
        });
      }
    }
  }

  test.each([undefined, ""])("CNI_COMMAND %j is the one that is missing, whatever else is wrong", (command) => {
    expect(() => checkEnvironment({ CNI_COMMAND: command, CNI_IFNAME: "a/b" })).toThrow(
      "required env variables [CNI_COMMAND] missing",
    );
  });

  test("a bad value is told before what is missing", () => {
    expect(() => checkEnvironment({ ...complete, CNI_COMMAND: "ADD", CNI_CONTAINERID: "a b", CNI_NETNS: "" })).toThrow(
      expect.objectContaining({ code: 4, message: "invalid characters in containerID", details: "a b" }),
    );
  });

  test("values are looked at only for verbs that need them", () => {
    for (const verb of ["GC", "STATUS", "VERSION"]) {
      expect(() =>
        checkEnvironment({ ...complete, CNI_COMMAND: verb, CNI_IFNAME: "a/b", CNI_CONTAINERID: "-" }),
      ).not.toThrow();
    }
  });
});

test.each(["a", "0", "A.b_c-d", "cnitool-77383ca0a0715733ca6f", "a".repeat(300)])("container ID %s", (id) => {
  expect(() => checkContainerID(id)).not.toThrow();
});

test.each(["-a", ".a", "_a", "a/b", "a b", "ä", "a\n", "../a", "a:b", "a\0"])("bad container ID %j", (id) => {
  expect(() => checkContainerID(id)).toThrow(expect.objectContaining({ code: 4, details: id }));
});

test("an empty container ID is unknown, an empty network name missing", () => {
  expect(() => checkContainerID("")).toThrow(expect.objectContaining({ code: 3, message: "missing containerID" }));
  expect(() => checkNetworkName("")).toThrow(expect.objectContaining({ code: 7, message: "missing network name" }));
  expect(() => checkNetworkName("a b")).toThrow(
    expect.objectContaining({ code: 7, message: "invalid characters found in network name", details: "a b" }),
  );
  expect(() => checkNetworkName("cni-loopback")).not.toThrow();
});

const tooLong = "interface name is too long";
const separators = "interface name contains / or : or whitespace characters";
const ifnames: [name: string, error: string | undefined][] = [
  ["eth0", undefined],
  ["a".repeat(15), undefined],
  ["a".repeat(16), tooLong],
  ["ä".repeat(7), undefined], // 14 bytes
  ["ä".repeat(8), tooLong], // 8 characters, 16 bytes
  ["é€é€é€", undefined], // 15 bytes
  ["é€é€é€a", tooLong],
  ["...", undefined],
  [".", "interface name is . or .."],
  ["..", "interface name is . or .."],
  ["", "interface name is empty"],
  ["eth/0", separators],
  ["eth:0", separators],
  ["eth 0", separators],
  ["eth\t0", separators],
  ["eth\n", separators],
  ["eth\u{85}0", separators],
  ["eth\u{a0}0", separators],
  ["eth\u{2028}0", separators],
  ["eth\u{3000}0", separators],
  ["eth\u{feff}0", undefined], // no white space to Unicode, nor to Go, though it is to \s
  ["eth\u{fffd}", "interface name is not UTF-8 text"],
  ["\ud800", "interface name is not UTF-8 text"],
  ["eth%d", "interface name contains %"],
];

test.each(ifnames)("interface name %j: %s", (name, error) => {
  if (error === undefined) expect(() => checkInterfaceName(name)).not.toThrow();
  else expect(() => checkInterfaceName(name)).toThrow(expect.objectContaining({ code: 4, message: error }));
});
