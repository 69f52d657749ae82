import { readFileSync, writeFileSync } from "node:fs";

/**
 * Reads a kernel setting of the thread's network namespace; undefined when this kernel has none of that name.
 *
 * @param name with slashes (`net/ipv4/conf/eth0.100/rp_filter`), since interface names may hold dots.
 */
export function readSysctl(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name}`, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Gives a setting a value, and writes only what differs: /proc/sys may be read-only where the value is right already.
 *
 * @throws Error when the kernel has no such setting (no IPv6, say), or it cannot be written.
 */
export function ensureSysctl(name: string, value: string | number): void {
  const found = readSysctl(name);
  if (found === String(value)) return;
  try {
    writeFileSync(`/proc/sys/${name}`, String(value));
  } catch (cause) {
    throw new Error(
      `Cannot set ${name} to ${value}: ${found === undefined ? "this kernel has none" : `it is ${found}`}`,
      {
        cause,
      },
    );
  }
}

/** As {@link ensureSysctl}, for what a network is better with but works without. @returns whether the setting has the value. */
export function trySysctl(name: string, value: string | number): boolean {
  try {
    ensureSysctl(name, value);
    return true;
  } catch {
    return false;
  }
}
