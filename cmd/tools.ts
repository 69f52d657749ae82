/** Executables for people, by name, loaded as the plugins are. A tool writes for itself and gives its exit status. */
export const tools: Readonly<Record<string, () => (args: readonly string[], env: NodeJS.ProcessEnv) => number>> = {
  cnitool: () => (require("./cnitool/main.ts") as typeof import("./cnitool/main.ts")).main,
};
