import { type Version, versions } from "../../src/cni/version.ts";

/** One of the two sets of plugins that are compared. */
export interface Suite {
  readonly name: "Go" | "Berth";
  readonly directory: string;
  /** The newest version of the specification that it speaks. */
  readonly newest: Version;
}

export const suites = {
  go: {
    name: "Go",
    directory: process.env["GO_BIN"] ?? "/usr/lib/cni",
    // Debian 12 has v1.1.1.
    newest: "1.0.0",
  },
  berth: {
    name: "Berth",
    directory: process.env["BERTH_BIN"] ?? new URL("../../build/bin", import.meta.url).pathname,
    newest: "1.1.0",
  },
} as const satisfies Record<string, Suite>;

/** The version that a suite is asked in for `version`: 1.1.0 differs from 1.0.0 in nothing that a result shows. */
export function spokenVersion(suite: Suite, version: Version): Version {
  return versions.indexOf(version) > versions.indexOf(suite.newest) ? suite.newest : version;
}
