/** A new user's first edit, deployed: the four stacks and the demo, without its machines, on a copy of the repository. */
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, expect, test, vi } from "vitest";
import { AMERICAN, type Copy, type Edit, editedCopy, USERS_SHELL } from "../../support/newcomer.js";

/** It deploys four stacks, more than once, in a separate process: a busy host is no failure. */
vi.setConfig({ testTimeout: 1_800_000 });

const copies: Copy[] = [];
afterEach(async () => {
  for (const copy of copies.splice(0)) {
    await dr(copy, "sandbox", "reset");
    await copy.remove();
  }
});

async function edited(edit: Edit): Promise<Copy> {
  const copy = await editedCopy(edit);
  copies.push(copy);
  return copy;
}

/** A `dr` command of the copy, with its sandbox in the copy's own folder. */
const dr = ({ dir }: Copy, ...args: string[]) =>
  execa(process.execPath, [join(dir, "cli/dr.mjs"), ...args], {
    cwd: dir,
    env: { ...USERS_SHELL, DR_SANDBOX_DIR: undefined, DR_SANDBOX_PORT: "0" },
    reject: false,
    all: true,
  });

const OTHERS = /eu-west-1|eu-central-1|eu-west-3|example\.com/;

test("the demo deploys the four stacks and plays in the user's regions, also with home in us-east-1 and five voters", async () => {
  const { exitCode, all } = await dr(await edited(AMERICAN), "demo", "--no-machines");
  expect(exitCode, all).toBe(0);
  expect(all).toContain("us-east-1 is now out of reach of Pulumi; every call is recorded:");
  expect(all).toMatch(/calls to us-east-2: \d+/);
  expect(all).toContain("us-east-2.app.shop.acme-bank.net");
  expect(all).not.toMatch(OTHERS);
});
