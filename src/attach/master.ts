import { CniError, ErrorCode } from "../cni/error.ts";
import { getLink, type Link, LinkFlag } from "../rtnetlink/link.ts";
import { notAvailable } from "./ready.ts";
import type { NetworkStack } from "./stack.ts";
import { findDefaultLink } from "./uplink.ts";

/**
 * The name of the link to stand on: the one given, else that of the default route.
 *
 * @param where the stack is, for the error: `host` or `container`.
 * @throws CniError (invalidConfig) when neither is there.
 */
export function masterName(stack: NetworkStack, given: string | undefined, where: "host" | "container"): string {
  if (given !== undefined) return given;
  const index = findDefaultLink(stack.route);
  const link = index === undefined ? undefined : getLink(stack.route, { index });
  if (link !== undefined) return link.name;
  throw new CniError(ErrorCode.invalidConfig, "Cannot choose a master: no default route interface found", {
    details: `master: found nothing, and no default route in the ${where}, allowed: the name of a link`,
  });
}

/** @throws CniError (invalidConfig) when there is no such link. */
export function findMaster(stack: NetworkStack, name: string): Link {
  const link = getLink(stack.route, { name });
  if (link !== undefined) return link;
  throw new CniError(ErrorCode.invalidConfig, `Cannot use ${name} as master: there is no such link`, {
    details: `master: found ${JSON.stringify(name)}, allowed: the name of a link`,
  });
}

/**
 * For STATUS: whether there is a master for the next ADD.
 *
 * @param canMake whether a missing one would be made.
 * @throws CniError (notAvailable).
 */
export function checkMaster(
  host: NetworkStack,
  given: string | undefined,
  canMake: (name: string) => boolean = () => false,
): void {
  if (given === undefined && findDefaultLink(host.route) === undefined) {
    throw notAvailable("there is no master", "master: found nothing, and no default route");
  }
  const name = masterName(host, given, "host");
  const link = getLink(host.route, { name });
  if (link === undefined && !canMake(name)) {
    throw notAvailable(`there is no master ${name}`, `master: found ${JSON.stringify(name)}`);
  }
  if (link && !(link.flags & LinkFlag.up)) throw notAvailable(`the master ${name} is down`);
}
