import { CniError, ErrorCode } from "../cni/error.ts";
import type { Attachment } from "../cni/plugin.ts";
import type { Result } from "../cni/result.ts";
import { getLink, type Link } from "../rtnetlink/link.ts";
import type { NetworkStack } from "./stack.ts";

/**
 * The result of the plugin before this one in a chain.
 *
 * @param message what the Go suite's plugin says without one.
 * @throws CniError (invalidConfig) when there is none.
 */
export function requireChained({ prevResult }: Attachment, message = "Required prevResult missing"): Result {
  if (prevResult !== undefined) return prevResult;
  throw new CniError(ErrorCode.invalidConfig, message, {
    details: "prevResult: found nothing, allowed: the result of the plugin that made the interface",
  });
}

/** The container's interface, which another plugin made. @throws CniError when it is not there. */
export function requireLink(container: NetworkStack, { ifname: name }: Pick<Attachment, "ifname">): Link {
  const link = getLink(container.route, { name });
  if (link !== undefined) return link;
  throw new CniError(ErrorCode.internal, `Cannot find ${name} in the container: there is no such interface`);
}
