/** A stack deployed by the plain `pulumi` on PATH, with its current backend, as in README.md. */
import { join } from "node:path";
import * as automation from "@pulumi/pulumi/automation/index.js";
import { UserError } from "../../common/errors.js";
import { REPO } from "../../common/paths.js";
import type { Progress } from "../../common/progress.js";
import type { RegionStackName } from "../../settings/stacks.js";
import { type Change, ChangeReader, OperationFailed, readFailure } from "../engine/events.js";
import type { Deployment } from "../promotion/deployment.js";
import { promotionSettings, siteOf } from "./stack-settings.js";

/** @param dir folder of Pulumi.yaml and the stack files. @throws UserError without pulumi or the stack. */
export async function pulumiDeployment(
  stack: RegionStackName,
  dir: string,
  progress: Progress,
  policies: boolean,
): Promise<Deployment> {
  const site = await siteOf(stack, dir);
  const selected = await select(stack, dir);
  const policyPacks = policies ? [join(REPO, "policies")] : undefined;
  const run = async (operation: "preview" | "up"): Promise<readonly Change[]> => {
    const events: automation.EngineEvent[] = [];
    const changes: Change[] = [];
    const reader = new ChangeReader();
    const onEvent = (event: automation.EngineEvent) => {
      events.push(event);
      changes.push(...reader.read(event));
    };
    try {
      await progress.during<unknown>(`pulumi ${operation} --stack ${stack}`, () =>
        selected[operation]({ onEvent, policyPacks, suppressProgress: true }),
      );
    } catch (error) {
      throw new OperationFailed(stack, operation, readFailure(error as Error, events), error as Error);
    }
    return changes;
  };
  return {
    name: `pulumi up --stack ${stack}`,
    site,
    settings: () => promotionSettings(stack, dir),
    set: (key, value) =>
      value === undefined ? selected.removeConfig(key) : selected.setConfig(key, { value }),
    preview: () => run("preview"),
    up: () => run("up"),
  };
}

async function select(stack: RegionStackName, dir: string): Promise<automation.Stack> {
  const pulumiCommand = await automation.PulumiCommand.get().catch((error: Error) => {
    throw new UserError(
      "pulumi can't be started",
      error.message.split("\n")[0] as string,
      'put pulumi on PATH (in the sandbox: eval "$(npx dr sandbox env)"), or pass --sandbox',
    );
  });
  const envVars = { PULUMI_SKIP_UPDATE_CHECK: "true" };
  try {
    return await automation.LocalWorkspace.selectStack(
      { stackName: stack, workDir: dir },
      { pulumiCommand, envVars },
    );
  } catch (error) {
    throw new UserError(
      `stack '${stack}' can't be opened`,
      (error as Error).message
        .split("\n")
        .filter((line) => /^\s*(stderr:|error:)/.test(line))
        .slice(-2)
        .join("\n  ") || (error as Error).message,
      "check that PULUMI_BACKEND_URL names the state backend and that the stack is deployed",
    );
  }
}
