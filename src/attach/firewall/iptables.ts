import { CniError, ErrorCode } from "../../cni/error.ts";
import type { Address, Family } from "../../ip/address.ts";
import { Prefix } from "../../ip/prefix.ts";
import { type Owner, ownerMark } from "../owner.ts";

/**
 * The chains and rules of the Go suite's firewall plugin in the filter table, which let containers through a host
 * firewall that drops what it does not know: no chain of ours could, since an accept ends nothing but its own chain. The
 * one place where another program is run; each rule carries its owner, so that a late DEL does not hit the next holder
 * of the address.
 */
const forwardChain = "CNI-FORWARD";
const programs = { 4: "iptables", 6: "ip6tables" } as const;

const forwardJump = ["-m", "comment", "--comment", "CNI firewall plugin rules", "-j", forwardChain];
const adminJump = (chain: string) => ["-m", "comment", "--comment", "CNI firewall plugin admin overrides", "-j", chain];

/** Lets traffic of these addresses pass, and answers to it. @throws Error with what iptables says, CniError (notAvailable) when it is not there. */
export function acceptAddresses(owner: Owner, addresses: readonly Address[], adminChain: string): void {
  for (const [family, own] of byFamily(addresses)) {
    ensureChains(family, adminChain);
    for (const rule of own.flatMap((address) => rulesFor(address, ownerMark(owner)))) {
      if (!has(family, forwardChain, rule)) run(family, ["-A", forwardChain, ...rule]);
    }
  }
}

/** Removes what {@link acceptAddresses} added; what is not there is passed over. */
export function forgetAddresses(owner: Owner, addresses: readonly Address[]): void {
  for (const [family, own] of byFamily(addresses)) {
    for (const rule of own.flatMap((address) => rulesFor(address, ownerMark(owner)))) {
      tryRun(family, ["-D", forwardChain, ...rule]);
    }
  }
}

/** Removes the rules that the Go suite's plugin left for addresses, which name no owner. */
export function forgetForeignAddresses(addresses: readonly Address[]): void {
  for (const [family, own] of byFamily(addresses)) {
    for (const rule of own.flatMap((address) => rulesFor(address))) tryRun(family, ["-D", forwardChain, ...rule]);
  }
}

/** What is missing of {@link acceptAddresses}, in words; undefined: nothing. Changes nothing, as CHECK must not. */
export function missingRule(owner: Owner, addresses: readonly Address[], adminChain: string): string | undefined {
  for (const [family, own] of byFamily(addresses)) {
    const wanted: [string, string[]][] = [
      ["FORWARD", forwardJump],
      [forwardChain, adminJump(adminChain)],
      ...own.flatMap((address) =>
        rulesFor(address, ownerMark(owner)).map((rule): [string, string[]] => [forwardChain, rule]),
      ),
    ];
    const missing = wanted.find(([chain, rule]) => !has(family, chain, rule));
    if (missing !== undefined) return `${programs[family]} rule ${missing[0]} ${missing[1].join(" ")}`;
  }
  return undefined;
}

/** Whether the program for a family can be run. */
export function isIptablesUsable(family: Family): boolean {
  return tryRun(family, ["--version"]) !== undefined;
}

function rulesFor(address: Address, mark?: string): string[][] {
  const host = Prefix.host(address).toString();
  const comment = mark === undefined ? [] : ["-m", "comment", "--comment", mark];
  return [
    ["-d", host, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", ...comment, "-j", "ACCEPT"],
    ["-s", host, ...comment, "-j", "ACCEPT"],
  ];
}

function ensureChains(family: Family, adminChain: string): void {
  // Others may have taken the jumps away (a reload of the host's firewall), so they are looked for each time.
  if (!has(family, "FORWARD", forwardJump)) {
    ensureChain(family, forwardChain);
    run(family, ["-I", "FORWARD", "1", ...forwardJump]);
  }
  if (!has(family, forwardChain, adminJump(adminChain))) {
    ensureChain(family, adminChain);
    run(family, ["-I", forwardChain, "1", ...adminJump(adminChain)]);
  }
}

/** A name that is no chain's, as ACCEPT, would let everything pass as the target of a rule. */
function ensureChain(family: Family, chain: string): void {
  try {
    run(family, ["-N", chain]);
  } catch (error) {
    if (tryRun(family, ["-S", chain]) === undefined) throw error;
  }
}

function has(family: Family, chain: string, rule: readonly string[]): boolean {
  return tryRun(family, ["-C", chain, ...rule]) !== undefined;
}

function run(family: Family, args: readonly string[]): string {
  // child_process takes 3 to 12 ms to load, so it is loaded where it is needed only.
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  const program = programs[family];
  const { status, stdout, stderr, error } = spawnSync(program, ["-w", ...args], { encoding: "utf8" });
  if (error) throw cannotRun(program, error);
  if (status !== 0) throw new Error(`Cannot change the filter table: ${program} ${args.join(" ")}: ${stderr.trim()}`);
  return stdout;
}

function cannotRun(program: string, { code, message }: NodeJS.ErrnoException): CniError {
  const reason = code === "ENOENT" ? "there is no such program" : message;
  return new CniError(ErrorCode.notAvailable, `Cannot run ${program}: ${reason}`, {
    details: `backend: found iptables, allowed: where ${program} is on the PATH; left out, what is there is asked`,
  });
}

function tryRun(family: Family, args: readonly string[]): string | undefined {
  try {
    return run(family, args);
  } catch {
    return undefined;
  }
}

function byFamily(addresses: readonly Address[]): [Family, Address[]][] {
  return [...Map.groupBy(addresses, ({ family }) => family)];
}
