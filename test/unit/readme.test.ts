import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { commonKeys } from "../../src/cni/schema.ts";

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly additionalProperties?: unknown;
}

const root = new URL("../../", import.meta.url).pathname;
const plugins = readdirSync(`${root}cmd`).filter((name) => existsSync(`${root}cmd/${name}/schema.ts`));
const textOf = (path: string) => readFileSync(`${root}${path}`, "utf8");

/** What every plugin has is told nowhere anew; the entries of ports and limits are told by the pages of their plugins. */
const elsewhere = new Set([...Object.keys(commonKeys), "runtimeConfig", "args", "cni", "type"]);
const ownPages: Readonly<Record<string, string>> = { portMappings: "portmap", bandwidth: "bandwidth" };

function keysOf({ properties = {}, items }: Node, plugin: string): string[] {
  const own = Object.entries(properties).flatMap(([key, node]) => {
    const isTold = (ownPages[key] ?? plugin) !== plugin || key === "dns";
    return [...(elsewhere.has(key) ? [] : [key]), ...(isTold ? [] : keysOf(node, plugin))];
  });
  return [...own, ...(items === undefined ? [] : keysOf(items, plugin))];
}

test.each(plugins)("cmd/%s/README.md has every key of the schema", async (plugin) => {
  const { schema } = (await import(`${root}cmd/${plugin}/schema.ts`)) as { schema: Node };
  const code = textOf(`cmd/${plugin}/README.md`).match(/```[\s\S]*?```|`[^`]+`/g) ?? [];
  const words = new Set(code.flatMap((text) => text.match(/[A-Za-z]\w*/g) ?? []));
  expect(keysOf(schema, plugin).filter((key) => !words.has(key))).toEqual([]);
});

test("conf/README.md and README.md name what is there", () => {
  const lists = readdirSync(`${root}conf`).filter((name) => name.endsWith(".conflist"));
  const table = textOf("conf/README.md");
  expect(lists.filter((name) => !table.includes(name) && !table.includes(`\`${name.slice(0, 3)}`))).toEqual([]);
  const page = textOf("README.md");
  expect(plugins.filter((name) => !page.includes(`(cmd/${name}/README.md)`))).toEqual([]);
});
