import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A directory for a test, gone when it ends. */
export function scratchDirectory(): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "berth-test-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** What a scripted plugin does for a verb; what is left out is nothing, with status 0. */
export interface Behaviour {
  readonly stdout?: string;
  readonly stderr?: string;
  readonly status?: number;
  /** Shell commands instead of all that. */
  readonly script?: string;
}

export interface Call {
  readonly plugin: string;
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string;
}

/**
 * A directory with plugins that are shell scripts: each records how it was called, and does as it is told. Stands for
 * the `noop` plugin of upstream's tests.
 */
export class ScriptedPlugins {
  readonly directory: string;
  readonly #log: string;

  constructor(parent: string) {
    this.directory = join(parent, "bin");
    this.#log = join(parent, "log");
    mkdirSync(this.directory, { recursive: true });
    mkdirSync(this.#log, { recursive: true });
  }

  /** @param behaviour by verb; verbs left out succeed and print nothing. */
  install(name: string, behaviour: Readonly<Record<string, Behaviour>> = {}): void {
    const cases = Object.entries(behaviour).map(([verb, { stdout = "", stderr = "", status = 0, script }]) => {
      const told = `printf %s ${quote(stdout)}; printf %s ${quote(stderr)} >&2; exit ${status}`;
      return `${verb}) ${script ?? told};;`;
    });
    const file = join(this.directory, name);
    writeFileSync(
      file,
      `#!/bin/sh
n=$(ls ${quote(this.#log)} | wc -l); n=$(printf '%s/%03d' ${quote(this.#log)} "$n"); mkdir "$n"
printf %s ${quote(name)} >"$n/plugin"; env -0 >"$n/env"; [ "$CNI_COMMAND" = VERSION ] || cat >"$n/stdin"
case "$CNI_COMMAND" in
${cases.join("\n")}
VERSION) printf '{"cniVersion":"1.1.0","supportedVersions":["0.3.1","0.4.0","1.0.0","1.1.0"]}';;
esac
`,
    );
    chmodSync(file, 0o755);
  }

  /** All calls until now, oldest first. */
  get calls(): Call[] {
    const calls: Call[] = [];
    for (let n = 0; ; n++) {
      const directory = join(this.#log, String(n).padStart(3, "0"));
      const read = (file: string) => {
        try {
          return readFileSync(join(directory, file), "utf8");
        } catch {
          return undefined;
        }
      };
      const plugin = read("plugin");
      if (plugin === undefined) return calls;
      const pairs = (read("env") ?? "").split("\0").filter((pair) => pair !== "");
      const env = Object.fromEntries(
        pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
      );
      calls.push({ plugin, command: env["CNI_COMMAND"] ?? "", env, stdin: read("stdin") ?? "" });
    }
  }

  /** `plugin VERB` for each call. */
  get sequence(): string[] {
    return this.calls.map(({ plugin, command }) => `${plugin} ${command}`);
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
