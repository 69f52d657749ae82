import { closeSync, constants, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";

/**
 * Writes a file so that after a crash it is there whole, or as it was before: empty files that a power cut left behind
 * are what keeps pods terminating forever (containerd issue 8197).
 */
export function writeDurably(file: string, content: string, mode: number): void {
  using undo = new DisposableStack();
  const unfinished = `${file}.${process.pid}.tmp`;
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  // What stands there is of a process of this number that died, or a trap.
  rmSync(unfinished, { force: true });
  const descriptor = openSync(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  undo.defer(() => rmSync(unfinished, { force: true }));
  try {
    writeFileSync(descriptor, content);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(unfinished, file);
  undo.move();
}
