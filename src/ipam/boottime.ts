import { readFileSync } from "node:fs";

/**
 * When the kernel was started, in milliseconds since 1970 by the present clock.
 *
 * Two seconds early: an adjusted clock must not make what was written right after the start look older than that.
 */
export function bootTime(): number {
  const [seconds = "0"] = readFileSync("/proc/uptime", "utf8").split(" ");
  return Date.now() - (Number(seconds) + 2) * 1000;
}
