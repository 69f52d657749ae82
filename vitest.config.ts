import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/unit/**/*.test.ts"],
    // setns(2) moves one thread, and a namespace test must not move the runner's.
    pool: "forks",
    execArgv: ["--no-warnings"],
  },
});
