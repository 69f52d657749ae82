import { fstatSync, openSync, statfsSync } from "node:fs";
import { Descriptor } from "./descriptor.ts";
import { call } from "./libc.ts";

const CLONE_NEWNET = 0x40000000;

/** The file systems that a namespace's file can be on (linux/magic.h: NSFS_MAGIC, PROC_SUPER_MAGIC). */
const namespaceFileSystems = [0x6e736673, 0x9fa0];

/** An open network namespace. */
export class NetworkNamespace extends Descriptor {
  readonly path: string;

  private constructor(path: string) {
    super(openSync(path, "r"));
    this.path = path;
  }

  /** The namespace that the thread is in. */
  static current(): NetworkNamespace {
    return new NetworkNamespace("/proc/thread-self/ns/net");
  }

  /** @throws the error of `node:fs` when the path cannot be opened; an Error when it is not a namespace. */
  static open(path: string): NetworkNamespace {
    const { type } = statfsSync(path);
    if (!namespaceFileSystems.includes(type)) {
      throw new Error(`Cannot use ${path}: not a network namespace (file system 0x${type.toString(16)})`);
    }
    return new NetworkNamespace(path);
  }

  /** Runs `body` in this namespace and returns to the one that the thread is in now, also when `body` throws. */
  run<T>(body: () => T): T {
    using home = NetworkNamespace.current();
    using way = new DisposableStack();
    call("setns", this.fd, CLONE_NEWNET);
    way.defer(() => enter(home));
    return body();
  }

  /** Tells it from all others that there are: the device and the inode of its file (namespaces(7)). */
  get id(): string {
    const { dev, ino } = fstatSync(this.fd, { bigint: true });
    return `${dev}:${ino}`;
  }

  isSame(other: NetworkNamespace): boolean {
    return this.id === other.id;
  }
}

/** Twice, if need be: whatever is undone after a failure would be undone in the wrong namespace. */
function enter({ fd }: NetworkNamespace): void {
  try {
    call("setns", fd, CLONE_NEWNET);
  } catch {
    call("setns", fd, CLONE_NEWNET);
  }
}
