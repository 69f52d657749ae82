import { existsSync } from "node:fs";
import { suites } from "./suite.ts";

/** Without both suites there is nothing to compare, which must not look like success. */
export default function requireSuites(): void {
  if (process.env["BERTH_CGROUP"] === undefined) throw new Error("Cannot compare outside a sandbox: test/oracle/run");
  for (const { name, directory } of Object.values(suites)) {
    if (!existsSync(`${directory}/bridge`)) throw new Error(`Cannot compare: ${directory} holds no plugins of ${name}`);
  }
}
