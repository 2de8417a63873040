/** `.ci/run` in a copy of its own, with an npm that does as it is told: what it counts and how it ends. */
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { REPO } from "../../sandbox/paths.js";

vi.setConfig({ testTimeout: 30_000 });

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "ci-run-"));
  await cp(join(REPO, ".ci"), join(dir, ".ci"), { recursive: true });
  await mkdir(join(dir, "sandbox/setup"), { recursive: true });
  await writeFile(join(dir, "sandbox/setup/ensure.mjs"), "export function ensureDependencies() {}\n");
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const tests = (...statuses: string[]) => ({
  numPassedTests: statuses.filter((status) => status === "passed").length,
  numFailedTests: statuses.filter((status) => status === "failed").length,
  testResults: [
    {
      status: statuses.includes("failed") ? "failed" : "passed",
      assertionResults: statuses.map((status) => ({ status })),
    },
  ],
});

interface Npm {
  /** npm scripts that fail. */
  readonly failing?: readonly string[];
  readonly unit?: object;
  readonly sandbox?: object;
}

async function run({ failing = [], unit, sandbox }: Npm) {
  const reports = Object.entries({ unit, sandbox }).filter(([, report]) => report);
  for (const [name, report] of reports) await writeFile(join(dir, `${name}.json`), JSON.stringify(report));
  await mkdir(join(dir, "bin"));
  await writeFile(
    join(dir, "bin/npm"),
    `#!/bin/sh
for script; do :; done
if [ "$script" = test ]; then
  ${reports.map(([name]) => `cp "${dir}/${name}.json" "$DR_TEST_REPORTS/"`).join("; ") || ":"}
fi
case " ${failing.join(" ")} " in *" $script "*) exit 3 ;; esac
`,
  );
  await chmod(join(dir, "bin/npm"), 0o755);
  const shown = await execa(join(dir, ".ci/run"), {
    reject: false,
    env: { PATH: `${join(dir, "bin")}:${process.env.PATH}` },
  });
  return { code: shown.exitCode, lines: shown.stdout.split("\n"), last: shown.stdout.split("\n").at(-1) };
}

const GOOD = { unit: tests("passed", "passed"), sandbox: tests("passed", "skipped") };

test("counts every test, and lint, types, workflows and demo as one each", async () => {
  const { code, last, lines } = await run(GOOD);
  expect(last).toBe("7 passed, 0 failed");
  expect(code).toBe(0);
  expect(lines.filter((line) => /^ +\d+ s {2}/.test(line)).map((line) => line.trim().split("  ")[1])).toEqual(
    ["prerequisites", "dependencies", "lint", "types", "workflows", "tests", "demo"],
  );
});

test.each([
  ["a check that fails", { ...GOOD, failing: ["lint:workflows"] }, "6 passed, 1 failed"],
  [
    "a test that fails",
    { ...GOOD, unit: tests("passed", "failed"), failing: ["test"] },
    "6 passed, 1 failed",
  ],
  ["a run that failed without a failed test", { ...GOOD, failing: ["test"] }, "7 passed, 1 failed"],
  ["a part that never ran", { unit: GOOD.unit, failing: ["test"] }, "6 passed, 1 failed"],
  ["a part that ran no test, though it ended well", { ...GOOD, sandbox: tests() }, "6 passed, 1 failed"],
  [
    "a file that could not be loaded",
    {
      ...GOOD,
      unit: {
        ...tests("passed"),
        testResults: [
          { status: "passed", assertionResults: [{ status: "passed" }] },
          { status: "failed", assertionResults: [] },
        ],
      },
      failing: ["test"],
    },
    "6 passed, 1 failed",
  ],
  [
    "everything at once",
    { failing: ["lint", "typecheck", "lint:workflows", "test", "demo"] },
    "0 passed, 6 failed",
  ],
])("%s: the whole fails", async (_, npm, expected) => {
  const { code, last } = await run(npm);
  expect(last).toBe(expected);
  expect(code).toBe(1);
});

test("without dependencies nothing else is tried", async () => {
  await writeFile(
    join(dir, "sandbox/setup/ensure.mjs"),
    "export function ensureDependencies() { process.exit(1); }\n",
  );
  const { code, last, lines } = await run(GOOD);
  expect(last).toBe("0 passed, 1 failed");
  expect(lines.join("\n")).not.toContain("── lint");
  expect(code).toBe(1);
});
