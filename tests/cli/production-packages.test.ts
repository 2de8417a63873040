/** What an operator's machine has after `npm ci --omit=dev` is enough for the operators' commands. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { REPO } from "../../common/paths.js";

const { devDependencies } = JSON.parse(readFileSync(join(REPO, "package.json"), "utf8"));

/** Makes Node refuse the development packages as if they were not installed. */
const WITHOUT_THEM = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from "node:module";
  const gone = ${JSON.stringify(Object.keys(devDependencies))};
  registerHooks({
    resolve(specifier, context, next) {
      const name = gone.find((one) => specifier === one || specifier.startsWith(one + "/"));
      if (!name) return next(specifier, context);
      const message = \`Cannot find package '\${name}' imported from \${context.parentURL}\`;
      throw Object.assign(new Error(message), { code: "ERR_MODULE_NOT_FOUND" });
    },
  });
`)}`;

/** An AWS that refuses connections: how far a command comes without any. */
const NO_AWS = {
  AWS_ENDPOINT_URL: "http://127.0.0.1:9",
  AWS_ACCESS_KEY_ID: "test",
  AWS_SECRET_ACCESS_KEY: "test",
  AWS_MAX_ATTEMPTS: "1",
  NO_COLOR: "1",
  // Node alone: whether this host has Pulumi makes no difference.
  PATH: dirname(process.execPath),
};

const dr = (args: readonly string[]) =>
  execa(process.execPath, ["--import", WITHOUT_THEM, join(REPO, "cli/dr.mjs"), ...args], {
    reject: false,
    all: true,
    env: NO_AWS,
  });

test.each([
  ["status"],
  ["promote dr --yes"],
  ["switchover --yes"],
  ["restore --to 2026-01-01T00:00:00Z --yes"],
  ["vault inspect --stack prod --since 2026-01-01T00:00:00Z"],
  ["bootstrap escrow --check"],
  ["check-epoch prod"],
])("dr %s comes as far as AWS", async (command) => {
  const { all } = await dr(command.split(" "));
  expect(all).not.toContain("is not installed");
  expect(all).toMatch(/ECONNREFUSED|pulumi can't be started/);
});

test("a command of the lab says what to install", async () => {
  const { exitCode, all } = await dr(["sandbox", "up", "global"]);
  expect(exitCode).toBe(1);
  expect(all).toMatch(/package '\S+' is not installed\n.*development packages.*\n.*npm ci/);
});
