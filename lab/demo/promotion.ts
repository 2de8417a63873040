import pc from "picocolors";
import { changeLine, summary } from "../../operations/engine/render.js";
import { assertOnlyCreates } from "../../operations/promotion/allowed-changes.js";
import { otherRegion } from "../../settings/contract.js";
import type { RegionId } from "../../settings/stacks.js";
import { startGateway } from "../sandbox/emulator/gateway.js";
import { setConfig } from "../sandbox/project.js";
import type { Scene } from "./demo-scene.js";

/** Where the control planes of Route 53 and IAM are. */
const CONTROL_PLANES = "us-east-1";

/** `pulumi config set epoch 2 --stack dr && pulumi up --stack dr`, with the other region and us-east-1 out of reach. */
export async function promote(
  { sandbox, progress, contract, say }: Scene,
  to: RegionId,
  epoch: number,
): Promise<void> {
  const { stack, region } = contract[to];
  // Where us-east-1 is itself promoted, the other region alone can be lost.
  const lost = new Set([contract[otherRegion(to)].region, CONTROL_PLANES].filter((one) => one !== region));
  say(pc.bold(`  pulumi config set epoch ${epoch} --stack ${stack} && pulumi up --stack ${stack}`));
  await setConfig(stack, "epoch", `${epoch}`);
  const preview = await progress.during(`preview ${stack}`, () => sandbox.preview(stack));
  for (const change of preview.changes) say(`  ${changeLine(change)}`);
  assertOnlyCreates(preview.changes, [`claim-${epoch}`]);

  const names = [...lost].join(" and ");
  say(`  ${names} ${lost.size > 1 ? "are" : "is"} now out of reach of Pulumi; every call is recorded:`);
  const gateway = await startGateway({
    target: sandbox.emulator.endpoint,
    denied: lost,
  });
  try {
    const result = await progress.during(`up ${stack}`, () =>
      sandbox.up(stack, { endpoint: gateway.endpoint }),
    );
    assertOnlyCreates(result.changes, [`claim-${epoch}`]);
    say(`  ${summary(result)}`);
    const regions = new Map<string, number>();
    for (const call of gateway.calls) regions.set(call.region, (regions.get(call.region) ?? 0) + 1);
    for (const [called, calls] of regions) say(`  calls to ${called}: ${calls}`);
    const strays = [...regions.keys()].filter((called) => called !== region);
    if (strays.length > 0) throw new Error(`the promotion of ${stack} called ${strays.join(", ")}`);
  } finally {
    await gateway.close();
  }
}
