import { closeSync, lstatSync, openSync, readFileSync, readlinkSync, type Stats, writeSync } from "node:fs";
import { dirname } from "node:path";

/** What an archive's file is made of: a file or symbolic link of this machine, or text with a mode. */
export type Source = { readonly file: string } | { readonly text: string; readonly mode: number };

/** Files by their absolute path in the archive. Folders come of themselves. */
export type Tree = ReadonlyMap<string, Source>;

const type = { folder: 0o040000, file: 0o100000, link: 0o120000 };

/**
 * Appends `tree` to `output` as a cpio archive in the "newc" format, of which an initramfs is made; the kernel unpacks
 * several of them from one file. Files that share an inode here share one there.
 * Source: Documentation/driver-api/early-userspace/buffer-format.rst in the kernel.
 */
export function appendArchive(output: string, tree: Tree): void {
  const archive = openSync(output, "a");
  const linked = new Map<string, number>();
  let inode = 0;
  const write = (path: string, mode: number, content: Uint8Array, links = 1, ino = ++inode) => {
    const name = Buffer.from(`${path.slice(1)}\0`);
    const numbers = [ino, mode, 0, 0, links, 0, content.length, 0, 0, 0, 0, name.length, 0];
    const header = Buffer.from(`070701${numbers.map((number) => number.toString(16).padStart(8, "0")).join("")}`);
    for (const bytes of [padded(Buffer.concat([header, name])), padded(content)]) writeSync(archive, bytes);
  };

  for (const folder of foldersOf(tree)) write(folder, type.folder | 0o755, new Uint8Array());
  for (const [path, source] of tree) {
    if ("text" in source) {
      write(path, type.file | source.mode, Buffer.from(source.text));
      continue;
    }
    const status = lstatSync(source.file);
    if (status.isSymbolicLink()) {
      write(path, type.link | 0o777, Buffer.from(readlinkSync(source.file)));
      continue;
    }
    const first = linked.get(identity(status));
    // The content of a hard link's inode comes once; the kernel links further names to it.
    const content = first === undefined ? readFileSync(source.file) : new Uint8Array();
    write(path, type.file | (status.mode & 0o7777), content, status.nlink, first);
    if (status.nlink > 1) linked.set(identity(status), first ?? inode);
  }
  write("/TRAILER!!!", 0, new Uint8Array());
  closeSync(archive);
}

const identity = (status: Stats) => `${status.dev}:${status.ino}`;

function foldersOf(tree: Tree): string[] {
  const folders = new Set<string>();
  for (const path of tree.keys()) {
    for (let folder = dirname(path); folder !== "/" && !folders.has(folder); folder = dirname(folder)) {
      folders.add(folder);
    }
  }
  // Shorter paths first: a folder is made before what is in it.
  return [...folders].sort();
}

function padded(bytes: Uint8Array): Uint8Array {
  const rest = bytes.length % 4;
  return rest === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(4 - rest)]);
}
