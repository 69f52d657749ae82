import { CniError, ErrorCode } from "../cni/error.ts";

/** Runs `action`, and says what it was when the file system refuses it. */
export function doing<Outcome>(what: string, action: () => Outcome): Outcome {
  try {
    return action();
  } catch (error) {
    if (errorCode(error) === undefined || error instanceof CniError) throw error;
    throw new CniError(ErrorCode.io, `Cannot ${what}`, { cause: error });
  }
}

export function errorCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
