import { defineConfig } from "vitest/config";

/** The comparison with the Go suite: as root, by test/oracle/run. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["*.test.ts"],
    globalSetup: "setup.ts",
    fileParallelism: false,
    // Much of a case is waiting: for the kernel to make and take down namespaces, and for link state.
    maxConcurrency: 4,
    testTimeout: 60_000,
  },
});
