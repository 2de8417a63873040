/** The sandbox's copy of the stack files: what was set here stays, all else follows the checkout. */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { merge, projectDir, setConfig, syncProject } from "../../../lab/sandbox/project.js";
import { STACK_NAMES } from "../../../settings/stacks.js";
import { FIXTURES } from "../../support/fixtures.js";
import { withTemporaryDir } from "../support/temporary-dir.js";

const temporary = withTemporaryDir();
let checkout: string;

beforeEach(async () => {
  await temporary.enter();
  checkout = await mkdtemp(join(tmpdir(), "dr-checkout-"));
  vi.stubEnv("DR_SETTINGS_DIR", checkout);
  for (const file of ["Pulumi.yaml", ...STACK_NAMES.map((stack) => `Pulumi.${stack}.yaml`)]) {
    await cp(join(FIXTURES, file), join(checkout, file));
  }
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(checkout, { recursive: true });
  await temporary.leave();
});

const config = async (stack: string): Promise<Record<string, unknown>> =>
  parse(await readFile(join(projectDir(), `Pulumi.${stack}.yaml`), "utf8")).config;

test("a key set in the sandbox outlives a sync, and the checkout is untouched", async () => {
  await syncProject();
  await setConfig("dr", "epoch", "2");
  await syncProject();
  expect(await config("dr")).toMatchObject({
    "disaster-recovery:epoch": 2,
    "disaster-recovery:site": "warm",
  });
  expect(await readFile(join(checkout, "Pulumi.dr.yaml"), "utf8")).toContain("epoch: 0");
});

test("a change of the checkout arrives beside what was set here", async () => {
  await syncProject();
  await setConfig("dr", "epoch", "2");
  await writeFile(
    join(checkout, "Pulumi.dr.yaml"),
    "config:\n  disaster-recovery:epoch: 0\n  disaster-recovery:site: hot\n",
  );
  await syncProject();
  expect(await config("dr")).toEqual({ "disaster-recovery:epoch": 2, "disaster-recovery:site": "hot" });
});

test("the secret's salt that the engine wrote stays", async () => {
  await syncProject();
  const file = join(projectDir(), "Pulumi.dr.yaml");
  await writeFile(file, `${await readFile(file, "utf8")}encryptionsalt: v1:abc\n`);
  await syncProject();
  expect(parse(await readFile(file, "utf8")).encryptionsalt).toBe("v1:abc");
});

test("the engine's own rewriting of a number as text is no change made here", () => {
  expect(merge({ epoch: 0 }, { epoch: "0" }, { epoch: 4 })).toEqual({ epoch: 4 });
});
