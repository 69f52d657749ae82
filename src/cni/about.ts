import type { AnyPlugin } from "./plugin.ts";

declare const BERTH_VERSION: string | undefined;

/** Put in by the bundler; a semver, since nerdctl reads firewall's. */
export const suiteVersion = typeof BERTH_VERSION === "string" ? BERTH_VERSION : "v2.0.0-dev";

/** What a plugin says on standard error when CNI_COMMAND is unset; nerdctl and people's scripts read this form. */
export function aboutText(plugin: Pick<AnyPlugin, "name" | "versions">): string {
  return `CNI ${plugin.name} plugin ${suiteVersion}\nCNI protocol versions supported: ${plugin.versions.join(", ")}\n`;
}
