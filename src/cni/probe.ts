import { callWith, type Runner } from "./call.ts";
import { CniError, ErrorCode } from "./error.ts";
import { findPlugin } from "./find.ts";
import { field, isObject, parseJson } from "./json.ts";
import type { NetworkList } from "./netlist.ts";
import { errorText } from "./report.ts";
import { defaultVersion, newestVersion } from "./version.ts";

/** The versions of the specification that a plugin says it supports. @throws CniError. */
export function queryVersions(runner: Runner, type: string): string[] {
  const executable = findPlugin(type, runner.path);
  // Plugins from before 0.2.0 look at every variable first, and then say that they do not know the command.
  const dummies = { CNI_CONTAINERID: "", CNI_NETNS: "dummy", CNI_IFNAME: "dummy", CNI_ARGS: "", CNI_PATH: "dummy" };
  const env = { ...runner.env, ...dummies, CNI_COMMAND: "VERSION" };
  try {
    return readVersions(callWith(runner, executable, env, { cniVersion: newestVersion }));
  } catch (error) {
    if (error instanceof CniError && error.message === "unknown CNI_COMMAND: VERSION") return ["0.1.0"];
    throw error;
  }
}

/**
 * What VERSION printed. No list at all is one only with 0.2.0, which brought the command.
 *
 * @throws CniError (decoding) with the text of the Go library.
 */
export function readVersions(stdout: string): string[] {
  const fail = (reason: unknown) => new CniError(ErrorCode.decoding, `decoding version info: ${reason}`);
  let raw: unknown;
  try {
    raw = parseJson(stdout);
  } catch (error) {
    throw fail(error instanceof Error ? error.message : error);
  }
  if (!isObject(raw)) throw fail("not an object");
  const version = field(raw, "cniVersion");
  const supported = field(raw, "supportedVersions") ?? [];
  if (typeof version !== "string" || version === "") throw fail("missing field cniVersion");
  if (!Array.isArray(supported) || supported.some((item) => typeof item !== "string")) {
    throw fail("supportedVersions is not an array of strings");
  }
  if (supported.length > 0) return supported;
  if (version === "0.2.0") return ["0.1.0", "0.2.0"];
  throw fail("missing field supportedVersions");
}

/**
 * Whether every plugin of a network is there and supports its version.
 *
 * @returns the capabilities that they take, each once.
 * @throws CniError with all that is wrong.
 */
export function validateNetwork(runner: Runner, list: NetworkList): string[] {
  const version = list.version || defaultVersion;
  const errors = list.plugins.flatMap(({ type }) => {
    try {
      const supported = queryVersions(runner, type).includes(version);
      return supported ? [] : [`plugin ${type} does not support config version ${JSON.stringify(version)}`];
    } catch (error) {
      return [errorText(error)];
    }
  });
  if (errors.length > 0) throw new CniError(ErrorCode.invalidConfig, `[${errors.join(" ")}]`);
  return [...new Set(list.plugins.flatMap(({ capabilities }) => capabilities))];
}
