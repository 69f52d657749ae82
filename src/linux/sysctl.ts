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

/** Writes a kernel setting of the thread's network namespace. @throws the error of `node:fs`. */
export function writeSysctl(name: string, value: string | number): void {
  writeFileSync(`/proc/sys/${name}`, String(value));
}

/**
 * Gives a setting a value, and writes only what differs: /proc/sys may be read-only where the value is right already.
 */
export function ensureSysctl(name: string, value: string | number): void {
  if (readSysctl(name) !== String(value)) writeSysctl(name, value);
}
