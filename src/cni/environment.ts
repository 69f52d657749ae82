import { CniError, ErrorCode } from "./error.ts";

/** The environment of a process, or a stand-in for it. */
export type Env = Readonly<Record<string, string | undefined>>;

export const verbs = ["ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION"] as const;

export type Verb = (typeof verbs)[number];

export function isVerb(text: string): text is Verb {
  return (verbs as readonly string[]).includes(text);
}

/** A variable that tells a plugin that another one calls it for addresses. */
export const delegateMark = "BERTH_DELEGATE";

interface Variable {
  readonly name: `CNI_${string}`;
  readonly requiredBy: readonly Verb[];
  readonly check?: (value: string) => void;
}

/**
 * Which verb needs which variable (specification 1.1.0, "Parameters"), in the order in which missing ones are reported.
 * CNI_PATH is optional in the text of the specification; every plugin of the Go suite demands it, as one that must find
 * its delegate has to.
 */
const variables: readonly Variable[] = [
  { name: "CNI_COMMAND", requiredBy: verbs },
  { name: "CNI_CONTAINERID", requiredBy: ["ADD", "DEL", "CHECK"], check: checkContainerID },
  { name: "CNI_NETNS", requiredBy: ["ADD", "CHECK"] },
  { name: "CNI_IFNAME", requiredBy: ["ADD", "DEL", "CHECK"], check: checkInterfaceName },
  { name: "CNI_ARGS", requiredBy: [] },
  { name: "CNI_PATH", requiredBy: ["ADD", "DEL", "CHECK", "GC", "STATUS"] },
];

/** @throws CniError (invalidEnvironment) for the first bad value, else naming all that `env.CNI_COMMAND` needs and lacks. */
export function checkEnvironment(env: Env): void {
  const command = env["CNI_COMMAND"] ?? "";
  const missing: string[] = [];
  for (const { name, requiredBy, check } of variables) {
    const required = name === "CNI_COMMAND" || (requiredBy as readonly string[]).includes(command);
    if (!required) continue;
    const value = env[name];
    // Set but empty counts as missing.
    if (value) check?.(value);
    else missing.push(name);
  }
  if (missing.length > 0) throw invalidEnvironment(`required env variables [${missing.join(",")}] missing`);
}

/** @throws CniError (unknownContainer) when empty, (invalidEnvironment) when malformed. */
export function checkContainerID(id: string): void {
  if (id === "") throw new CniError(ErrorCode.unknownContainer, "missing containerID");
  if (!identifier.test(id)) throw invalidEnvironment("invalid characters in containerID", id);
}

/** @throws CniError (invalidConfig). */
export function checkNetworkName(name: string): void {
  if (name === "") throw new CniError(ErrorCode.invalidConfig, "missing network name");
  if (!identifier.test(name)) {
    throw new CniError(ErrorCode.invalidConfig, "invalid characters found in network name", { details: name });
  }
}

/** @throws CniError (invalidEnvironment) when the kernel would not have it as the name of an interface. */
export function checkInterfaceName(name: string): void {
  if (name === "") throw invalidEnvironment("interface name is empty");
  if (Buffer.byteLength(name) > 15) {
    throw invalidEnvironment("interface name is too long", "interface name should be less than 16 characters");
  }
  if (name === "." || name === "..") throw invalidEnvironment("interface name is . or ..");
  if (/[/:]/.test(name) || whiteSpace.test(name)) {
    throw invalidEnvironment("interface name contains / or : or whitespace characters");
  }
  // It would make a name of its own out of `eth%d`, and the plugin would not find its link.
  if (name.includes("%")) throw invalidEnvironment("interface name contains %");
  // Node puts U+FFFD where an environment variable is not UTF-8: another name than the caller's would come out.
  if (name.includes("\u{fffd}") || !name.isWellFormed()) throw invalidEnvironment("interface name is not UTF-8 text");
}

const identifier = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** Unicode's White_Space property, as Go has it; `\s` would leave U+0085 out and take U+FEFF in. */
const whiteSpace = /\p{White_Space}/u;

function invalidEnvironment(message: string, details?: string): CniError {
  return new CniError(ErrorCode.invalidEnvironment, message, { details });
}
