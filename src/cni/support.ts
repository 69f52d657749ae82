import type { Verb } from "./environment.ts";
import { CniError, ErrorCode } from "./error.ts";
import { compareVersions, isVersion, type Version } from "./version.ts";

/** The version of the specification that brought a verb. */
const introduced: { readonly [V in Verb]?: Version } = { CHECK: "0.4.0", GC: "1.1.0", STATUS: "1.1.0" };

/**
 * Whether a plugin that supports `supported` can serve `verb` for a configuration of `version`.
 *
 * @returns `version`.
 * @throws CniError (incompatibleVersion, or decoding for what is no version).
 */
export function checkVersion(verb: Verb, version: string, supported: readonly Version[]): Version {
  const since = introduced[verb];
  if (since !== undefined) {
    if (compare(version, since) < 0) throw incompatible(`config version does not allow ${verb}`, version, supported);
    if (supported.every((mine) => compare(mine, version) < 0)) {
      throw incompatible(`plugin version does not allow ${verb}`, version, supported);
    }
  }
  // By text, not by number: 1.0 is no version of the specification.
  if (!isVersion(version) || !supported.includes(version)) {
    throw incompatible("incompatible CNI versions", version, supported);
  }
  return version;
}

function compare(a: string, b: string): number {
  try {
    return compareVersions(a, b);
  } catch (error) {
    throw new CniError(ErrorCode.decoding, "Cannot read cniVersion", { cause: error });
  }
}

function incompatible(message: string, version: string, supported: readonly Version[]): CniError {
  return new CniError(ErrorCode.incompatibleVersion, message, {
    details: `config is "${version}", plugin supports [${supported.map((mine) => `"${mine}"`).join(" ")}]`,
  });
}
