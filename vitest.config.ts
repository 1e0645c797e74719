import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Tests start real processes; two cores are what a small machine has.
    maxWorkers: 2,
    // Of the tests of one file; those that say so mostly wait for processes.
    maxConcurrency: 10,
  },
});
