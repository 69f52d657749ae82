import { CniError, ErrorCode } from "./error.ts";
import { field, isObject } from "./json.ts";

/** The JSON object with which a plugin tells of an error (specification 1.1.0, "Error"). */
export interface ErrorObject {
  readonly cniVersion: string;
  readonly code: number;
  readonly msg: string;
  readonly details?: string;
}

/**
 * The one object for whatever was thrown. The code is that of the first {@link CniError} among the error and its causes,
 * else 999; the message joins the causes; what went wrong while undoing comes after the details.
 */
export function describeError(thrown: unknown, cniVersion: string): ErrorObject {
  const { original, unwinding } = separateUnwinding(thrown);
  const chain = causes(original);
  const typed = chain.find((error) => error instanceof CniError);
  const msg = joinMessages(chain);
  const failed = unwinding.map((error) => joinMessages(causes(error))).filter((text) => text !== msg);
  const details = [...(typed?.details ? [typed.details] : []), ...failed.map((text) => `while undoing: ${text}`)].join(
    "; ",
  );
  return {
    cniVersion,
    code: typed?.code ?? ErrorCode.internal,
    msg,
    ...(details === "" ? {} : { details }),
  };
}

/** An error in one line, as the Go library writes it: `msg`, or `msg; details`. */
export function errorText(thrown: unknown): string {
  const { msg, details } = describeError(thrown, "");
  return details === undefined ? msg : `${msg}; ${details}`;
}

/** An error object that a plugin printed. @returns undefined when `value` is none. */
export function readErrorObject(value: unknown): CniError | undefined {
  if (!isObject(value)) return undefined;
  const [code, message, details] = ["code", "msg", "details"].map((key) => field(value, key));
  return new CniError(typeof code === "number" ? code : ErrorCode.unknown, typeof message === "string" ? message : "", {
    details: typeof details === "string" && details !== "" ? details : undefined,
  });
}

/**
 * A stack that unwinds with errors gives SuppressedErrors: `suppressed` is what was thrown first, and decides; `error`
 * came of undoing.
 */
function separateUnwinding(thrown: unknown): { original: unknown; unwinding: unknown[] } {
  if (!(thrown instanceof SuppressedError)) return { original: thrown, unwinding: [] };
  const first = separateUnwinding(thrown.suppressed);
  const later = separateUnwinding(thrown.error);
  return { original: first.original, unwinding: [...first.unwinding, later.original, ...later.unwinding] };
}

function causes(thrown: unknown): unknown[] {
  const chain = [thrown];
  for (let error = thrown; error instanceof Error && error.cause !== undefined; ) {
    error = error.cause;
    // An error may be its own cause.
    if (chain.includes(error)) break;
    chain.push(error);
  }
  return chain;
}

function joinMessages(chain: readonly unknown[]): string {
  const messages = chain.map((error) => (error instanceof Error ? error.message : String(error)));
  return messages.reduce((text, next) => (text.includes(next) ? text : `${text}: ${next}`));
}
