/** Plain `pulumi` commands against the sandbox, as the README has them. */
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { REPO } from "../../../../common/paths.js";
import { withTemporaryDir } from "../../support/temporary-dir.js";

const temporary = withTemporaryDir();
let dir: string;
let variables: Record<string, string>;

beforeAll(async () => {
  dir = await temporary.enter();
  const { stdout } = await execa(process.execPath, [join(REPO, "cli/dr.mjs"), "sandbox", "env", "--json"], {
    env: { DR_SANDBOX_DIR: dir, DR_SANDBOX_PORT: "0" },
  });
  variables = JSON.parse(stdout);
});
afterAll(() => temporary.leave());

const pulumi = (...args: string[]) =>
  execa(
    join(
      String(variables.PATH)
        .split(":")
        .find((bin) => bin.includes("engine-")) ?? "",
      "pulumi",
    ),
    [...args, "--non-interactive"],
    {
      cwd: join(dir, "project"),
      env: variables,
      reject: false,
    },
  );

test("init, config set, preview and up, with no flag that the README doesn't name", async () => {
  expect((await pulumi("stack", "init", "global")).exitCode).toBe(0);
  const preview = await pulumi("preview", "--stack", "global");
  expect(preview.stdout).toMatch(/\+ \d+ to create/);
  expect(preview.exitCode).toBe(0);
  const up = await pulumi("up", "--yes", "--skip-preview", "--stack", "global");
  expect(up.exitCode).toBe(0);

  expect((await pulumi("stack", "init", "dr")).exitCode).toBe(0);
  expect((await pulumi("config", "set", "epoch", "2", "--stack", "dr")).exitCode).toBe(0);
  const promoted = await pulumi("preview", "--stack", "dr");
  expect(promoted.stdout).toContain("claim-2");
  expect(promoted.exitCode).toBe(0);
});

test("bad settings are reported without a stack trace", async () => {
  await pulumi("config", "set", "epoch", "3", "--stack", "dr");
  const { stdout, exitCode } = await pulumi("preview", "--stack", "dr");
  expect(exitCode).not.toBe(0);
  expect(stdout).toMatch(/epoch = 3[\s\S]*epochs of stack dr are even[\s\S]*use 4/);
  expect(stdout).not.toMatch(/\n\s+at .*program\.ts/);
});
