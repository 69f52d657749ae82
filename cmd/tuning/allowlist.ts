import { CniError, ErrorCode } from "../../src/cni/error.ts";
import { readRegularFile } from "../../src/linux/file.ts";

const allowlistPath = "/etc/cni/tuning/allowlist.conf";

/**
 * The settings that this host lets configurations change: one regular expression a line, for the whole name. The Go
 * suite's matched any part of it, so that `net.core` allowed `net.core.bpf_jit_enable` unasked; a line for several says
 * so: `net\.core\..*`.
 *
 * @returns undefined when there is no list: everything is allowed.
 * @throws CniError (invalidConfig) for a line that is no regular expression.
 */
export function readAllowlist(path = allowlistPath): RegExp[] | undefined {
  let text: string;
  try {
    text = readRegularFile(path).toString();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const lines = text.split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "").map((line) => compile(line, path));
}

function compile(line: string, path: string): RegExp {
  try {
    return new RegExp(`^(?:${line})$`);
  } catch (cause) {
    throw new CniError(
      ErrorCode.invalidConfig,
      `Cannot read ${path}: ${JSON.stringify(line)} is no regular expression`,
      {
        cause,
      },
    );
  }
}
