import { readSync } from "node:fs";
import { Descriptor } from "./descriptor.ts";
import { call } from "./libc.ts";

const IN_CLOEXEC = 0o2000000;
/** IN_* of linux/inotify.h. */
const events = { closeWrite: 0x8, movedFrom: 0x40, movedTo: 0x80, create: 0x100, delete: 0x200 };
/** `struct inotify_event` before its name. */
const EVENT_HEADER = 16;

export interface DirectoryWatch extends Disposable {
  /** To be waited for among others (poll). */
  readonly fd: number;
  /** Waits for the next changes. @returns the names of the files that were written whole, made, moved or removed. */
  wait(): string[];
}

/** Watches a directory for changes of its files. @throws SystemError. */
export function watchDirectory(path: string): DirectoryWatch {
  using undo = new DisposableStack();
  const inotify = undo.use(new Descriptor(call("inotify_init1", IN_CLOEXEC)));
  const mask = Object.values(events).reduce((bits, bit) => bits | bit, 0);
  call("inotify_add_watch", inotify.fd, Buffer.from(`${path}\0`), mask);
  const buffer = Buffer.alloc(4096);
  undo.move();
  return {
    fd: inotify.fd,
    wait: () => [...readNames(buffer.subarray(0, readSync(inotify.fd, buffer)))],
    [Symbol.dispose]: () => inotify[Symbol.dispose](),
  };
}

function* readNames(bytes: Buffer): Generator<string> {
  for (let offset = 0; offset + EVENT_HEADER <= bytes.length; ) {
    const length = bytes.readUInt32LE(offset + 12);
    const name = bytes.toString("utf8", offset + EVENT_HEADER, offset + EVENT_HEADER + length);
    yield name.replace(/\0+$/, "");
    offset += EVENT_HEADER + length;
  }
}
