import { CniError, ErrorCode } from "../cni/error.ts";
import type { Attachment } from "../cni/plugin.ts";
import { NetworkNamespace } from "../linux/namespace.ts";
import { openRouteSocket, type RouteSocket } from "../rtnetlink/socket.ts";

/** One network stack: a namespace, and a route socket that stays in it. */
export class NetworkStack implements Disposable {
  readonly namespace: NetworkNamespace;
  readonly route: RouteSocket;

  private constructor(namespace: NetworkNamespace, route: RouteSocket) {
    this.namespace = namespace;
    this.route = route;
  }

  /** The stack that the plugin runs in: the host's. */
  static own(): NetworkStack {
    return NetworkStack.#of(NetworkNamespace.current(), () => openRouteSocket());
  }

  /** @throws the errors of {@link NetworkNamespace.open}. */
  static open(path: string): NetworkStack {
    const namespace = NetworkNamespace.open(path);
    return NetworkStack.#of(namespace, () => openRouteSocket(namespace));
  }

  static #of(namespace: NetworkNamespace, open: () => RouteSocket): NetworkStack {
    using undo = new DisposableStack();
    undo.use(namespace);
    const stack = new NetworkStack(namespace, open());
    undo.move();
    return stack;
  }

  [Symbol.dispose](): void {
    this.route[Symbol.dispose]();
    this.namespace[Symbol.dispose]();
  }
}

/** The container's stack, for ADD and CHECK. @throws CniError (invalidNamespace) when CNI_NETNS cannot be opened. */
export function openSandbox({ netns = "" }: Attachment): NetworkStack {
  try {
    return NetworkStack.open(netns);
  } catch (error) {
    throw new CniError(ErrorCode.invalidNamespace, `failed to open netns "${netns}"`, { cause: error });
  }
}

/**
 * The container's stack, for DEL: undefined when CNI_NETNS is not given, or names what is no namespace any more.
 *
 * @throws what has nothing to do with the path: a container must not pass for gone when this process is out of files.
 */
export function findSandbox({ netns }: Pick<Attachment, "netns">): NetworkStack | undefined {
  if (netns === undefined) return undefined;
  try {
    return NetworkStack.open(netns);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || noSuchPath.includes(code)) return undefined;
    throw error;
  }
}

const noSuchPath = ["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG", "EACCES", "EINVAL"];
