/** What a plugin gave back. */
export interface Answer {
  /** Null where a signal ended it: it crashed, or was killed because it hung. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Text of the language or of its runtime, of which nobody thought: a crash in a good suit. */
const crashText =
  /is not a function|is not iterable|is not a constructor|Cannot read prop|Cannot set prop|Cannot convert|Cannot destructure|Cannot access|Maximum call stack|Invalid (array|string|typed array) length|out of memory|FATAL ERROR|ERR_[A-Z]|^\s+at .*[:(]\d+|undefined|\bNaN\b|\[object /m;

/** What is wrong with an answer that should be success, or one CNI error with a proper code; undefined: nothing. */
export function judge({ status, stdout, stderr }: Answer): string | undefined {
  if (status === null) return `no end, or a crash: ${stderr.slice(0, 500)}`;
  if (crashText.test(stderr)) return `standard error: ${stderr.slice(0, 500)}`;
  if (status === 0) return judgeSuccess(stdout);
  if (status !== 1) return `status ${status}: ${stderr.slice(0, 500)}`;
  return judgeError(stdout);
}

function judgeSuccess(stdout: string): string | undefined {
  if (stdout === "") return undefined;
  const result = parse(stdout);
  return isObject(result) && typeof result["cniVersion"] === "string"
    ? undefined
    : `no result: ${stdout.slice(0, 500)}`;
}

function judgeError(stdout: string): string | undefined {
  const error = parse(stdout);
  if (!isObject(error)) return `no error object: ${stdout.slice(0, 500)}`;
  const { cniVersion, code, msg, details = "" } = error;
  if (typeof cniVersion !== "string" || typeof msg !== "string" || typeof details !== "string" || msg === "") {
    return `not the keys of an error: ${stdout.slice(0, 500)}`;
  }
  if (!Number.isInteger(code) || Number(code) < 1) return `code ${code}: ${msg.slice(0, 500)}`;
  return crashText.test(withoutQuotes(msg)) || crashText.test(withoutQuotes(details))
    ? `the text of a crash: ${stdout.slice(0, 500)}`
    : undefined;
}

/** What is quoted came from outside, and may say what it likes. */
function withoutQuotes(text: string): string {
  return text.replaceAll(/"(?:[^"\\]|\\.)*"?/g, '""');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
