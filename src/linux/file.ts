import {
  constants,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { Descriptor } from "./descriptor.ts";

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;

/** What is larger is none of the files that plugins read, in bytes. */
export const maxFileLength = 64 << 20;

/**
 * Reads a file whole, through symbolic links. Not a FIFO, which would be waited for, nor a device, which may never end.
 *
 * @throws the errors of `node:fs`; an Error when it is no regular file, or longer than {@link maxFileLength}.
 */
export function readRegularFile(path: string): Buffer {
  using file = new Descriptor(openSync(path, O_RDONLY | O_NONBLOCK));
  const stat = fstatSync(file.fd);
  if (!stat.isFile()) throw new Error(`Cannot read ${path}: not a regular file`);
  if (stat.size > maxFileLength) throw new Error(`Cannot read ${path}: more than ${maxFileLength} bytes`);
  return readFileSync(file.fd);
}

/**
 * Writes a file that was not there before: what stands at the path is removed, and a symbolic link not followed.
 *
 * @throws the errors of `node:fs`.
 */
export function writeNewFile(path: string, content: string): void {
  rmSync(path, { force: true });
  using file = new Descriptor(openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600));
  writeFileSync(file.fd, content);
}

/**
 * Makes a directory and those above it, as far as they are not there. Node.js' own `recursive` never comes to an end where
 * the file system of the last one that is there makes none (/proc). @throws the errors of `node:fs`.
 */
export function makeDirectories(path: string, mode: number): void {
  try {
    makeDirectory(path, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    if (!existsSync(dirname(path))) makeDirectories(dirname(path), mode);
    makeDirectory(path, mode);
  }
}

function makeDirectory(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST" || !statSync(path).isDirectory()) throw error;
  }
}
