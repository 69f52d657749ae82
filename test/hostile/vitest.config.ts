import { defineConfig } from "vitest/config";

/** Hostile input to what has been built: as root, by test/hostile/run. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["*.test.ts"],
    // setns(2) moves one thread, and a namespace test must not move the runner's.
    pool: "forks",
    execArgv: ["--no-warnings"],
    fileParallelism: false,
    testTimeout: 30 * 60_000,
  },
});
