/** `.ci/run` in a separate copy, with a scripted npm: its counts and its exit. */
import { chmod, cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { REPO } from "../../common/paths.js";

vi.setConfig({ testTimeout: 120_000 });

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "ci-run-"));
  await cp(join(REPO, ".ci"), join(dir, ".ci"), { recursive: true });
  await mkdir(join(dir, "lab/setup"), { recursive: true });
  await writeFile(join(dir, "lab/setup/ensure.mjs"), "export function ensureDependencies() {}\n");
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const tests = (...statuses: string[]) => ({
  numPassedTests: statuses.filter((status) => status === "passed").length,
  numFailedTests: statuses.filter((status) => status === "failed").length,
  testResults: [
    {
      name: "tests/some.test.ts",
      status: statuses.includes("failed") ? "failed" : "passed",
      message: "",
      assertionResults: statuses.map((status) => ({
        status,
        fullName: `is ${status}`,
        failureMessages: status === "failed" ? ["Error: not so\n    at a line"] : [],
      })),
    },
  ],
});

interface Npm {
  /** npm scripts that fail. */
  readonly failing?: readonly string[];
  readonly unit?: object;
  readonly sandbox?: object;
  readonly twin?: object;
  readonly drills?: readonly {
    readonly name?: string;
    readonly outcome: string;
    readonly reasons?: string[];
    readonly replayed?: string;
    readonly steps?: readonly object[];
  }[];
}

async function run({ failing = [], unit, sandbox, twin, drills }: Npm) {
  const reports = Object.entries({ unit, sandbox, twin }).filter(([, report]) => report);
  for (const [name, report] of reports) await writeFile(join(dir, `${name}.json`), JSON.stringify(report));
  if (drills) await writeFile(join(dir, "summary.json"), JSON.stringify(drills));
  await mkdir(join(dir, "bin"));
  await writeFile(
    join(dir, "bin/npm"),
    `#!/bin/sh
for script; do :; done
if [ "$script" = test ]; then
  ${reports.map(([name]) => `cp "${dir}/${name}.json" "$DR_TEST_REPORTS/"`).join("; ") || ":"}
fi
if [ "$script" = drills ]; then
  ${drills ? `mkdir -p "$DR_DRILL_REPORT"; cp "${dir}/summary.json" "$DR_DRILL_REPORT/"` : ":"}
fi
case " ${failing.join(" ")} " in *" $script "*) exit 3 ;; esac
`,
  );
  await chmod(join(dir, "bin/npm"), 0o755);
  const shown = await execa(join(dir, ".ci/run"), {
    reject: false,
    env: { TMPDIR: dir, PATH: `${join(dir, "bin")}:${process.env.PATH}` },
  });
  return { code: shown.exitCode, lines: shown.stdout.split("\n"), last: shown.stdout.split("\n").at(-1) };
}

const GOOD = {
  unit: tests("passed", "passed"),
  sandbox: tests("passed", "skipped"),
  twin: tests("passed"),
  drills: [{ outcome: "passed" }],
};

test("counts every test, and each drill; lint, types, prose, workflows, scripts and demo as one each", async () => {
  const { code, last, lines } = await run(GOOD);
  expect(last).toBe("12 passed, 0 failed");
  expect(code).toBe(0);
  expect(lines.flatMap((line) => /^ *\d+ % +\d+ s {2}(\w+)$/.exec(line)?.[1] ?? [])).toEqual([
    ...["prerequisites", "dependencies", "ends", "lint", "imports", "types", "prose", "workflows", "scripts"],
    ...["tests", "drills", "demo"],
  ]);
});

test.each([
  ["a check that fails", { ...GOOD, failing: ["lint:workflows"] }, "11 passed, 1 failed"],
  [
    "a test that fails",
    { ...GOOD, unit: tests("passed", "failed"), failing: ["test"] },
    "11 passed, 1 failed",
  ],
  ["a run that failed without a failed test", { ...GOOD, failing: ["test"] }, "12 passed, 1 failed"],
  ["a part that never ran", { ...GOOD, sandbox: undefined, failing: ["test"] }, "11 passed, 1 failed"],
  [
    "a drill that fails",
    { ...GOOD, drills: [{ outcome: "passed" }, { outcome: "inconclusive" }], failing: ["drills"] },
    "12 passed, 1 failed",
  ],
  ["drills that could not run", { ...GOOD, drills: undefined, failing: ["drills"] }, "11 passed, 1 failed"],
  ["a part that ran no test, though it ended well", { ...GOOD, sandbox: tests() }, "11 passed, 1 failed"],
  [
    "a file that could not be loaded",
    {
      ...GOOD,
      unit: {
        ...tests("passed"),
        testResults: [
          { name: "tests/a.test.ts", status: "passed", assertionResults: [{ status: "passed" }] },
          { name: "tests/b.test.ts", status: "failed", message: "no such file", assertionResults: [] },
        ],
      },
      failing: ["test"],
    },
    "11 passed, 1 failed",
  ],
  [
    "everything at once",
    {
      failing: [
        "lint",
        "typecheck",
        "lint:prose",
        "lint:workflows",
        "lint:scripts",
        "test",
        "drills",
        "demo",
      ],
    },
    "1 passed, 10 failed",
  ],
])("%s: the whole fails", async (_, npm, expected) => {
  const { code, last } = await run(npm);
  expect(last).toBe(expected);
  expect(code).toBe(1);
});

test("lists failures at the end, each with its reason in one line", async () => {
  const { lines } = await run({
    ...GOOD,
    unit: tests("passed", "failed"),
    drills: [
      { name: "one", outcome: "passed" },
      {
        ...{ name: "two", outcome: "failed", reasons: ["3 rows lost", "slow"] },
        steps: [
          { from: -1.02, to: 0, title: "Promote: a checkpoint" },
          { from: 0, to: 90.5, title: "Verify: it opens", error: "not within 90 s" },
        ],
      },
      { name: "three", outcome: "passed", replayed: "the host stalled for 93 s" },
    ],
    failing: ["lint", "test", "drills"],
  });
  const from = lines.indexOf("What failed, or had to be played again:");
  expect(lines.slice(from + 1, lines.indexOf("", from))).toEqual([
    "  lint: see its part above",
    "  tests/some.test.ts: is failed: Error: not so",
    "  two: failed: 3 rows lost; slow",
    "       -1.0 to     0.0 s  Promote: a checkpoint",
    "        0.0 to    90.5 s  Verify: it opens FAILED: not within 90 s",
    "  three: played again: the host stalled for 93 s",
  ]);
  const kept = lines.find((line) => line.startsWith("Reports, and logs"))?.split(": ")[1];
  expect(await readdir(join(kept ?? "", "drills"))).toEqual(["summary.json"]);
});

test("a part near the end of its support is a warning above the result, and fails nothing", async () => {
  const { code, last, lines } = await run({ ...GOOD, failing: ["check:ends"] });
  expect(last).toBe("12 passed, 0 failed");
  expect(code).toBe(0);
  expect(lines.slice(-3)).toEqual([expect.stringMatching(/^!!! WARNING: .*npm run check:ends/), "", last]);
});

test("without dependencies nothing else is tried", async () => {
  await writeFile(
    join(dir, "lab/setup/ensure.mjs"),
    "export function ensureDependencies() { process.exit(1); }\n",
  );
  const { code, last, lines } = await run(GOOD);
  expect(last).toBe("0 passed, 1 failed");
  expect(lines.join("\n")).not.toContain("── lint");
  expect(code).toBe(1);
});
