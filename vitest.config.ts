import { defineConfig } from "vitest/config";
import { FIXTURES } from "./tests/support/fixtures.js";

/** Tests, and the programs that they start, use their own settings and patience, never those of the user. */
const env = { DR_SETTINGS_DIR: FIXTURES, DR_DRILL_PATIENCE: "1" };

/** Tests that build the program under Pulumi's mocks. */
const PROGRAM = [
  "tests/components/**/*.test.ts",
  "tests/stacks/**/*.test.ts",
  "tests/policies/stacks.test.ts",
  "tests/newcomer.test.ts",
  "tests/recorder.test.ts",
];

export default defineConfig({
  test: {
    // Each project sets its own time limits, generous ones: a busy host is no failure.
    projects: [
      {
        // Needs nothing but Node: pure functions, and processes of this machine.
        test: {
          name: "unit",
          env,
          include: ["tests/**/*.test.ts"],
          exclude: ["tests/lab/{sandbox,providers}/**", "tests/lab/twin/*.test.ts", ...PROGRAM],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          expect: { poll: { timeout: 60_000 } },
          // Vitest's default leaves one processor to itself: half of a machine with two.
          maxWorkers: 2,
        },
      },
      {
        // Needs nothing but Node, too. Its files share processes: to load Pulumi's AWS package takes seconds, and so do some
        // recordings of a stack, which are frozen and can be shared.
        test: {
          name: "program",
          env,
          include: PROGRAM,
          isolate: false,
          maxWorkers: 2,
          // A whole stack evaluates in a second; on a busy machine the first one waits for its imports.
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        // Pulumi's own engine, the emulated AWS, the stand-in providers.
        test: {
          name: "sandbox",
          env,
          include: ["tests/lab/{sandbox,providers}/**/*.test.ts"],
          testTimeout: 600_000,
          expect: { poll: { timeout: 60_000 } },
          hookTimeout: 600_000,
          // Each file has a separate sandbox; with more files at a time they only wait for each other on two cores.
          fileParallelism: true,
          maxWorkers: 2,
        },
      },
      {
        // Machines as namespaces: needs root and Linux. Clocks are part of what is tested, so nothing beside it.
        test: {
          name: "twin",
          env,
          include: ["tests/lab/twin/*.test.ts"],
          testTimeout: 600_000,
          expect: { poll: { timeout: 60_000 } },
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
