// Compiles the schema of each plugin (cmd/<plugin>/schema.ts) to a validator that needs no ajv at run time
// (build/generated/<plugin>.js): compiling costs 80 ms, a compiled one loads in 0.4 ms.
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { inRepository, writeWhole } from "./paths.ts";

const generated = inRepository("build/generated");

/** Writes the validators whose schema changed, and removes those whose schema is gone. */
export async function generateValidators(): Promise<void> {
  mkdirSync(generated, { recursive: true });
  const plugins = globSync("cmd/*/schema.ts", { cwd: inRepository() }).map((path) => basename(dirname(path)));
  const toolchain = [import.meta.filename, inRepository("package-lock.json")].map((path) => readFileSync(path, "utf8"));
  removeStale(plugins);
  await Promise.all(plugins.map((plugin) => generateValidator(plugin, toolchain)));
}

function removeStale(plugins: readonly string[]): void {
  for (const file of globSync("*.{js,d.ts}", { cwd: generated })) {
    if (!plugins.includes(file.replace(/\.(d\.ts|js)$/, ""))) rmSync(`${generated}/${file}`, { force: true });
  }
}

async function generateValidator(plugin: string, toolchain: readonly string[]): Promise<void> {
  const { schema } = await import(pathToFileURL(inRepository("cmd", plugin, "schema.ts")).href);
  // A schema may be put together from several modules, so its value is what counts, not its file.
  const source = [JSON.stringify(schema), ...toolchain];
  const stamp = `// ${source.reduce((hash, part) => hash.update(part), createHash("sha256")).digest("hex")}\n`;
  const output = `${generated}/${plugin}.js`;
  if (existsSync(output) && readFileSync(output, "utf8").startsWith(stamp)) return;
  const code = await compile(schema);
  writeWhole(`${generated}/${plugin}.d.ts`, declaration(plugin));
  writeWhole(output, stamp + code);
}

async function compile(schema: { $id?: string }): Promise<string> {
  // Loaded here, so that a run that finds everything as it should be takes 0.1 s.
  const [{ Ajv2020 }, { default: standalone }, { build }] = await Promise.all([
    import("ajv/dist/2020.js"),
    import("ajv/dist/standalone/index.js"),
    import("esbuild"),
  ]);
  // Verbose: an error holds the value found, which the user is shown.
  const options = { strict: true, strictTypes: false, verbose: true, code: { source: true, esm: true } } as const;
  const ajv = new Ajv2020(options);
  // Where a schema is negated, ajv leaves the errors out: a third of the code, and all that a right configuration needs.
  const { $id: _, ...anonymous } = schema;
  ajv.addSchema(schema, "explain").addSchema({ not: { not: anonymous } }, "accepts");
  const contents = `${standalone.default(ajv, { explain: "explain", accepts: "accepts" })}
    export function validate(data) {
      if (accepts(data)) return true;
      explain(data);
      validate.errors = explain.errors;
      return false;
    }`;
  // ajv leaves require() of its own helpers in ES modules, where there is none: esbuild puts them in.
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: inRepository() },
    write: false,
    bundle: true,
    minify: true,
    format: "esm",
    platform: "node",
    target: "node26",
  });
  return outputFiles.map(({ text }) => text).join("");
}

function declaration(plugin: string): string {
  return `import type { ErrorObject } from "ajv";
import type { FromSchema } from "json-schema-to-ts";
import type { schema } from "../../cmd/${plugin}/schema.ts";

export declare const validate: {
  (data: unknown): data is FromSchema<typeof schema>;
  errors?: ErrorObject[] | null;
};
`;
}

if (import.meta.main) await generateValidators();
