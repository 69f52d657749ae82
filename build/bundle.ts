import { readFileSync } from "node:fs";
import { build, type Plugin } from "esbuild";
import { delegates, plugins } from "../cmd/plugins.ts";
import { inRepository } from "./paths.ts";

const common = {
  absWorkingDir: inRepository(),
  bundle: true,
  platform: "node",
  target: "node26",
  format: "cjs",
  // Every start copies the text. Names stay: a stack trace from somebody's node is worth more than the rest.
  minifySyntax: true,
  minifyWhitespace: true,
  // V8 keeps such text at a byte a character.
  charset: "ascii",
  legalComments: "none",
  logLevel: "warning",
} as const;

/**
 * Bundles cmd/berth.ts into `directory`, once for each name that it can be called by: a start makes a closure for every
 * function of the bundle, so that other plugins' would cost a tenth of it.
 *
 * @returns file by asset: `<name>.cjs`.
 */
export async function bundleNames(names: readonly string[], directory: string): Promise<Record<string, string>> {
  const { version } = JSON.parse(readFileSync(inRepository("package.json"), "utf8"));
  const bundle = async (name: string) => {
    const outfile = `${directory}/${name}.cjs`;
    await build({
      ...common,
      entryPoints: ["cmd/berth.ts"],
      outfile,
      plugins: [leaveOutOthers(name)],
      banner: { js: "(function (module, require) {" },
      footer: { js: "})" },
      define: { BERTH_VERSION: JSON.stringify(`v${version}`) },
    });
    return [`${name}.cjs`, outfile] as const;
  };
  return Object.fromEntries(await Promise.all(names.map(bundle)));
}

/** The one name that answers for all others. */
export const agent = "berth-agent";

/** Of what the tables of plugins and tools name, a process needs its own part and the plugins that others call. */
function leaveOutOthers(name: string): Plugin {
  return {
    name: "leave out others",
    setup({ onResolve }) {
      onResolve({ filter: /^\.\/[^/]+\/[^/]+\.ts$/ }, ({ path, kind }) => {
        const [, folder = ""] = path.split("/");
        const others = name === agent ? Object.keys(plugins) : delegates;
        const isNeeded = folder === name || (others.includes(folder) && path.endsWith("/main.ts"));
        return kind === "require-call" && !isNeeded ? { path, external: true } : undefined;
      });
    },
  };
}

/** The scripts of the executable itself, and of its stand-in while code caches are recorded. */
export async function bundleLoaders(directory: string): Promise<void> {
  const entryPoints = ["build/loader.ts", "build/record.ts"];
  await build({ ...common, entryPoints, outdir: directory, outExtension: { ".js": ".cjs" } });
}
