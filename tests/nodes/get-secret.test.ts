/** `dr-get-secret` of AWS, with an `aws` that answers as Secrets Manager does. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

function get(aws: string) {
  const bin = mkdtempSync(join(tmpdir(), "aws-"));
  writeFileSync(join(bin, "aws"), `#!/bin/bash\n${aws}\n`, { mode: 0o755 });
  return spawnSync("nodes/platform/aws/dr-get-secret", ["drs/backup/cipher"], {
    env: { PATH: `${bin}:${process.env.PATH}` },
    encoding: "utf8",
  });
}

test("prints the value alone, whatever aws warns of", () => {
  const { status, stdout, stderr } = get("echo warning >&2; echo hunter2");
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "hunter2\n", stderr: "warning\n" });
});

test("of a secret without a value: fails, prints nothing, and says who fills it", () => {
  const { status, stdout, stderr } = get(
    `echo "An error occurred (ResourceNotFoundException): Secrets Manager can't find the specified secret value for staging label: AWSCURRENT" >&2; exit 254`,
  );
  expect([status, stdout]).toEqual([254, ""]);
  expect(stderr).toMatch(/drs\/backup\/cipher has no value yet: .*npx dr bootstrap secrets/);
});

test("of any other failure it passes on aws's words, and guesses nothing", () => {
  const { status, stderr } = get(`echo "AccessDeniedException" >&2; exit 254`);
  expect([status, stderr]).toEqual([254, "AccessDeniedException\n"]);
});
