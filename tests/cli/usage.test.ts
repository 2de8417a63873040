import { Command } from "commander";
import { expect, test } from "vitest";
import { addVault } from "../../cli/commands/vault.js";
import { reportUsageErrors } from "../../cli/usage.js";

/** @returns the text of the error with which a command line ends. */
async function errorOf(...args: readonly string[]): Promise<string> {
  const dr = new Command("dr");
  addVault(dr);
  let written = "";
  const prepare = (command: Command): void => {
    command.exitOverride().configureOutput({
      writeErr: (text) => {
        written += text;
      },
    });
    command.commands.forEach(prepare);
  };
  prepare(dr);
  reportUsageErrors(dr);
  await expect(dr.parseAsync(args, { from: "user" })).rejects.toMatchObject({ exitCode: 1 });
  return written;
}

test("a missing option is one error that points to the verb's own help", async () => {
  expect(await errorOf("vault", "inspect")).toBe(
    "error: required option '--stack <stack>' not specified\n  → see npx dr vault inspect --help\n",
  );
});

test("a misspelt option keeps its suggestion", async () => {
  expect(await errorOf("vault", "protect", "--stack", "prod", "--jsn")).toBe(
    "error: unknown option '--jsn'\n  (Did you mean --json?)\n  → see npx dr vault protect --help\n",
  );
});

test("an unknown verb points to the help of its group", async () => {
  expect(await errorOf("vault", "inspct")).toBe(
    "error: unknown command 'inspct'\n  (Did you mean inspect?)\n  → see npx dr vault --help\n",
  );
});
