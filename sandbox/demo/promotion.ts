import pc from "picocolors";
import { startGateway } from "../emulator/gateway.js";
import { setConfig } from "../project.js";
import { assertPromotion } from "../promotion.js";
import { changeLine, summary } from "../render.js";
import type { Scene } from "./scene.js";

/** `pulumi config set epoch 2 --stack dr && pulumi up --stack dr`, with the home region and us-east-1 out of reach. */
export async function showPromotion({ sandbox, progress, say }: Scene): Promise<void> {
  say(pc.bold("  pulumi config set epoch 2 --stack dr && pulumi up --stack dr"));
  await setConfig("dr", "epoch", "2");
  const preview = await progress.during("preview dr", () => sandbox.preview("dr"));
  for (const change of preview.changes) say(`  ${changeLine(change)}`);
  assertPromotion(preview.changes, "claim-2");

  say("  the home region and us-east-1 are now out of reach; every call is recorded:");
  const gateway = await startGateway({
    target: sandbox.emulator.endpoint,
    denied: new Set(["eu-west-1", "us-east-1"]),
  });
  try {
    const result = await progress.during("up dr", () => sandbox.up("dr", { endpoint: gateway.endpoint }));
    assertPromotion(result.changes, "claim-2");
    say(`  ${summary(result)}`);
    const regions = new Map<string, number>();
    for (const { region } of gateway.calls) regions.set(region, (regions.get(region) ?? 0) + 1);
    for (const [region, calls] of regions) say(`  calls to ${region}: ${calls}`);
    const strays = [...regions.keys()].filter((region) => region !== "eu-central-1");
    if (strays.length > 0) throw new Error(`the promotion of dr called ${strays.join(", ")}`);
  } finally {
    await gateway.close();
  }
}
