/** A new user's first edit breaks nothing: step 1 of the README, on a copy of the repository. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { REPO } from "../common/paths.js";
import { RULES } from "../policies/rules.js";
import { readStackFiles } from "../settings/stack-files.js";
import { STACK_NAMES } from "../settings/stacks.js";
import {
  AMERICAN,
  type Copy,
  EUROPEAN,
  editedCopy,
  editedStackFiles,
  USERS_SHELL,
} from "./support/newcomer.js";
import { sampleOf, violationsOf } from "./support/policy.js";
import { recordStack } from "./support/recorder.js";

/** What a test mentions when it reads stack files, directly or through the sandbox or the twin. */
const READS_SETTINGS = /\b(twinSettings|readStackFiles|fixtureSettings|syncProject|Pulumi(\.\w+)?\.yaml)\b/;

/** Without a copy in another account, which is the README's default, the pack advises one. */
const OTHER_ACCOUNT = { accountId: "123456789012", backup: { copyTo: { accountId: "210987654321" } } };

/** Test files of this project that read stack files, but this one. */
function settingsReaders(): string[] {
  return readdirSync(join(REPO, "tests"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.ts") && !/(^|\/)(sandbox|twin)\//.test(file))
    .map((file) => join("tests", file))
    .filter((file) => READS_SETTINGS.test(readFileSync(join(REPO, file), "utf8")))
    .filter((file) => file !== relative(REPO, import.meta.filename));
}

test("unit tests don't depend on the user's stack files", async () => {
  const files = settingsReaders();
  expect(files).toContain("tests/stacks/golden.test.ts");
  const { dir, remove } = await editedCopy(AMERICAN);
  try {
    const { exitCode, all } = await execa(
      process.execPath,
      ["node_modules/vitest/vitest.mjs", "run", ...files],
      // CI, so that a golden file that differs is an error and none is written.
      { cwd: dir, env: { ...USERS_SHELL, CI: "true" }, reject: false, all: true },
    );
    expect(exitCode, all).toBe(0);
    expect(all).toContain(`Test Files  ${files.length} passed`);
  } finally {
    await remove();
  }
}, 600_000);

describe.each([
  ["American", AMERICAN],
  ["European", EUROPEAN],
])("%s settings", (_, edit) => {
  let copy: Copy;
  beforeAll(async () => {
    copy = await editedStackFiles(edit);
  });
  afterAll(() => copy.remove());

  test.each(STACK_NAMES)("%s keeps every rule and stays in the regions that were named", async (stack) => {
    const raw = { ...(await readStackFiles(stack, copy.dir)), ...OTHER_ACCOUNT };
    const { resources } = await recordStack(stack, raw);
    const samples = resources.map(sampleOf);
    expect(RULES.flatMap((rule) => violationsOf(rule, samples))).toEqual([]);
    const { home, recovery, witness } = edit.regions;
    const named = {
      copy: [witness],
      global: [home, recovery, "us-east-1"],
      prod: [home],
      dr: [recovery],
      link: [home, recovery],
    };
    const regions = resources.flatMap(({ type, region }) =>
      type.startsWith("aws:") && region ? [region] : [],
    );
    expect(new Set(regions)).toEqual(new Set(named[stack]));
  });

  test("a region has the nodes and servers that the settings name", async () => {
    const { resources } = await recordStack("dr", await readStackFiles("dr", copy.dir));
    const nodes = resources.filter(({ name }) => /^database-\d+-group$/.test(name));
    expect(nodes).toHaveLength(edit.voters);
    expect(resources.find(({ name }) => name === "fleet-group")?.inputs.minSize).toBe(
      edit.site === "hot" ? 6 : 2,
    );
  });
});
