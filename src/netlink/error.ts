import { errorName, errorText } from "../linux/libc.ts";

/** A request that the kernel refused. */
export class NetlinkError extends Error {
  override readonly name = "NetlinkError";
  readonly errno: number;
  /** errno's name: `EEXIST`. */
  readonly code: string;
  /** The kernel's own explanation (extended acknowledgement), where it gave one. */
  readonly explanation: string | undefined;

  /** @param operation what was asked for, in words that follow "Cannot". */
  constructor(operation: string, errno: number, explanation?: string) {
    super(`Cannot ${operation}: ${errorText(errno)}${explanation ? ` (${explanation})` : ""}`);
    this.errno = errno;
    this.code = errorName(errno);
    this.explanation = explanation;
  }
}

/**
 * Gives undefined where `request` fails with one of the error names; other errors pass.
 *
 * For what is right already (EEXIST) or gone already (ENODEV, ESRCH, EADDRNOTAVAIL).
 */
export function unless<T>(codes: readonly string[], request: () => T): T | undefined {
  try {
    return request();
  } catch (error) {
    if (error instanceof NetlinkError && codes.includes(error.code)) return undefined;
    throw error;
  }
}
