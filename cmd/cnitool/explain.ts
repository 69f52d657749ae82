import { CniError, ErrorCode } from "../../src/cni/error.ts";
import { describeError } from "../../src/cni/report.ts";

/** What the user can do about an error, by how its message begins or what it holds. */
const hints: readonly (readonly [pattern: RegExp, hint: string])[] = [
  [/no paths provided/, "Set CNI_PATH to the directories with plugins, as CNI_PATH=/opt/cni/bin"],
  [/failed to find plugin/, "Put the plugin into a directory of CNI_PATH, or correct `type` in the configuration"],
  [/no net configuration/, "Set NETCONFPATH to the directory of the network's .conflist, and give the `name` in it"],
  [/operation not permitted|EPERM/i, "Run it as root"],
];

/**
 * An error for a person at a terminal: what failed, why (each cause on a line of its own), which CNI error code that is,
 * and what may help.
 */
export function explainError(error: unknown): string {
  const { code, msg, details } = describeError(error, "");
  const name = Object.entries(ErrorCode).find(([, value]) => value === code)?.[0];
  const deepest = innermost(error);
  const hint = hints.find(([pattern]) => pattern.test(msg))?.[1];
  return [
    `Error: ${msg}`,
    ...[details, deepest?.details].filter((text) => text && !msg.includes(text)).map((text) => `  Details: ${text}`),
    ...(code === ErrorCode.unknown || name === undefined ? [] : [`  Code: ${code} (${name})`]),
    ...(hint === undefined ? [] : [`  Hint: ${hint}`]),
  ].join("\n");
}

function innermost(error: unknown): CniError | undefined {
  const below = error instanceof Error ? innermost(error.cause) : undefined;
  return below ?? (error instanceof CniError ? error : undefined);
}
