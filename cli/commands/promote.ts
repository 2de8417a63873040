import { type Command, InvalidArgumentError } from "commander";
import type { RegionStackName } from "../../settings/stacks.js";
import type { PlaceFlags } from "../places.js";
import { regionStack } from "../region-stack.js";

interface CommonFlags extends PlaceFlags {
  json?: boolean;
  yes?: boolean;
  policies: boolean;
}

interface PromoteFlags extends CommonFlags {
  epoch?: number;
  fenced?: boolean;
  acceptDataLoss?: boolean;
}

export function addPromote(dr: Command): void {
  common(
    dr
      .command("promote")
      .description("make a region active: set its epoch, run up, and follow until it serves")
      .argument("<stack>", "prod | dr: the region to make active")
      .option("--epoch <n>", "claim this epoch (default: the region's next one)", wholeNumber)
      .option("--fenced", "you guarantee that the other region is silent: don't wait for it")
      .option("--accept-data-loss", "promote without the other region's last writes"),
  ).action((stack: string, flags: PromoteFlags) =>
    run(regionStack(stack, "epoch", "promote prod or dr"), flags),
  );
  common(
    dr
      .command("switchover")
      .description("hand over to the standby region; refused unless both regions are healthy"),
  ).action((flags: CommonFlags) => run(undefined, flags));
}

const common = (command: Command): Command =>
  command
    .option("--yes", "don't ask")
    .option("--json", "print the result as JSON")
    .option("--no-policies", "skip the policy pack")
    .option("--sandbox", "work in the sandbox")
    .option("--twin", "work in the twin: write its claim table, deploy no stack");

async function run(
  stack: RegionStackName | undefined,
  { json, aws, twin, sandbox, ...flags }: PromoteFlags,
): Promise<void> {
  const { openPlace, placeKind } = await import("../places.js");
  const kind = placeKind({ aws, twin, sandbox }) ?? "aws";
  const { guidedPromotion } = await import("../../operations/promotion/guided.js");
  const result = await guidedPromotion({ open: () => openPlace(kind), stack, ...flags });
  if (json) console.log(JSON.stringify(result, undefined, 2));
  const { isSuccess } = await import("../../operations/promotion/carry-out.js");
  if (!isSuccess(result)) process.exitCode = 1;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError("must be a whole number, 1 or more.");
  return value;
}
