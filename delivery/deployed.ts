/** A stack's deployed state, read with the plain `pulumi` command from its current backend. */
import { readFile } from "node:fs/promises";
import { execa } from "execa";
import { UserError } from "../common/errors.js";
import type { StackName } from "../settings/stacks.js";
import { type DeployedStack, readDeployed } from "./epoch-check.js";

/**
 * @param project folder with Pulumi.yaml.
 * @returns undefined when the stack doesn't exist yet or is empty.
 * @throws UserError when the state can't be read: nothing may be deployed then.
 */
export async function deployedStack(stack: StackName, project: string): Promise<DeployedStack | undefined> {
  const shown = await execa("pulumi", ["stack", "export", "--stack", stack, "--non-interactive"], {
    cwd: project,
    reject: false,
    stdin: "ignore",
    env: { PULUMI_SKIP_UPDATE_CHECK: "true" },
  });
  if (shown.exitCode === 0) return understand(shown.stdout, `the state of stack '${stack}'`);
  if (/no stack named/.test(shown.stderr)) return undefined;
  if (shown.exitCode === undefined) {
    throw new UserError(
      "pulumi can't be started",
      (shown.shortMessage ?? "").split("\n")[0] as string,
      'put pulumi on PATH (in the sandbox: eval "$(npx dr sandbox env)"), or pass an export with --state',
    );
  }
  throw new UserError(
    `the state of stack '${stack}' can't be read`,
    shown.stderr.trim().split("\n").slice(-4).join("\n  "),
    "check that PULUMI_BACKEND_URL names the state backend and that the credentials may read it",
  );
}

/** @param file what `pulumi stack export` wrote. */
export async function deployedInFile(file: string): Promise<DeployedStack | undefined> {
  const text = await readFile(file, "utf8").catch((error: Error) => {
    throw new UserError(
      `'${file}' can't be read`,
      error.message,
      "name a file with the output of pulumi stack export",
    );
  });
  return understand(text, `'${file}'`);
}

function understand(text: string, what: string): DeployedStack | undefined {
  try {
    return readDeployed(JSON.parse(text));
  } catch (error) {
    throw new UserError(
      `${what} can't be understood`,
      (error as Error).message,
      "pass the output of pulumi stack export",
    );
  }
}
