/** A stack deployed in the sandbox: Pulumi's own engine, an emulated AWS. */
import type { Progress } from "../../common/progress.js";
import { promotionSettings, siteOf } from "../../operations/deployments/stack-settings.js";
import type { Deployment } from "../../operations/promotion/deployment.js";
import type { RegionStackName } from "../../settings/stacks.js";
import { projectDir, setConfig } from "./project.js";
import { Sandbox } from "./sandbox.js";

export async function sandboxDeployment(
  stack: RegionStackName,
  progress: Progress,
  policies: boolean,
): Promise<Deployment> {
  const sandbox = await Sandbox.open(progress);
  const run = async (operation: "preview" | "up") =>
    (await progress.during(`${operation} ${stack}`, () => sandbox[operation](stack, { policies }))).changes;
  return {
    name: `npx dr sandbox up ${stack}`,
    site: await siteOf(stack, projectDir()),
    settings: () => promotionSettings(stack, projectDir()),
    set: (key, value) => setConfig(stack, key, value),
    preview: () => run("preview"),
    up: () => run("up"),
  };
}
