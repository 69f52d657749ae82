/**
 * @param about what `--version` tells besides the version.
 * @returns the exit status, which a tool that goes on working gives when it ends.
 */
type Tool = (args: readonly string[], env: NodeJS.ProcessEnv, about: string) => number | Promise<number>;

/** Executables for people, by name, loaded as the plugins are. A tool writes for itself and gives its exit status. */
export const tools: Readonly<Record<string, () => Tool>> = {
  "berth-agent": () => (require("./berth-agent/main.ts") as typeof import("./berth-agent/main.ts")).main,
  cnitool: () => (require("./cnitool/main.ts") as typeof import("./cnitool/main.ts")).main,
};

/** What a plugin's executable does besides, by its name and the first argument. */
export const commands: Readonly<Record<string, () => Tool>> = {
  "dhcp daemon": () => (require("./dhcp/run.ts") as typeof import("./dhcp/run.ts")).main,
  "tap create": () => (require("./tap/main.ts") as typeof import("./tap/main.ts")).create,
};
