import { type Command, InvalidArgumentError } from "commander";
import { UserError } from "../../common/errors.js";
import { assertStackName, isRegionStack, type RegionStackName } from "../../settings/stacks.js";
import type { PlaceFlags } from "../places.js";

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
      .description("make a region the active one: config set epoch, up, and a look until it serves")
      .argument("<stack>", "prod | dr: the region that is to become active")
      .option("--epoch <n>", "claim this one (default: the next of that region)", wholeNumber)
      .option("--fenced", "you answer for the other region being silent: no waiting")
      .option("--accept-data-loss", "go on without what the other region still has"),
  ).action((stack: string, flags: PromoteFlags) => run(regionStack(stack), flags));
  common(
    dr
      .command("switchover")
      .description("hand over to the region that stands by; refused unless both are well"),
  ).action((flags: CommonFlags) => run(undefined, flags));
}

const common = (command: Command): Command =>
  command
    .option("--yes", "don't ask")
    .option("--json", "print the result as JSON")
    .option("--no-policies", "leave the policy pack out")
    .option("--sandbox", "in the sandbox")
    .option("--twin", "in the twin: its claim table is written, no stack is deployed");

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

function regionStack(name: string): RegionStackName {
  assertStackName(name);
  if (isRegionStack(name)) return name;
  throw new UserError(`stack '${name}'`, "It is no region, and has no epoch.", "promote prod or dr");
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError("must be a whole number, 1 or more.");
  return value;
}
