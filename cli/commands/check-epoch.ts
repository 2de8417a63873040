import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { SettingsError } from "../../common/errors.js";
import { REPO } from "../../common/paths.js";
import { deployedInFile, deployedStack } from "../../delivery/deployed.js";
import { checkEpoch } from "../../delivery/epoch-check.js";
import { parseSettings } from "../../settings/parse.js";
import { readStackFiles } from "../../settings/stack-files.js";
import { assertStackName, isRegionStack } from "../../settings/stacks.js";

export function addCheckEpoch(dr: Command): void {
  dr.command("check-epoch")
    .description("refuse settings that would set a deployed stack back: a lower epoch, another region")
    .argument("<stack>", "copy | global | prod | dr | link")
    .option("--state <file>", "read this output of `pulumi stack export` instead of calling pulumi")
    .option(
      "--project <dir>",
      "folder of Pulumi.yaml and the stack files (default: this one, else the checkout)",
    )
    .action(async (stack: string, { state, project }: { state?: string; project?: string }) => {
      assertStackName(stack);
      const dir = project ? resolve(project) : existsSync("Pulumi.yaml") ? process.cwd() : REPO;
      const settings = parseSettings(stack, await readStackFiles(stack, dir));
      const deployed = state ? await deployedInFile(state) : await deployedStack(stack, dir);
      if (!deployed) return console.log(`${stack}: not deployed yet, nothing to compare with`);
      const problems = checkEpoch(stack, settings, deployed);
      if (problems.length > 0) throw new SettingsError(stack, problems);
      const claimed = Math.max(0, ...deployed.epochs);
      console.log(
        isRegionStack(stack) && "epoch" in settings
          ? `${stack}: epoch ${settings.epoch}, claimed so far ${claimed || "none"}; its region matches the deployed stack`
          : `${stack}: has no epoch to check; its regions match the deployed stack`,
      );
    });
}
