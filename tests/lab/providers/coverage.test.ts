import { expect, test } from "vitest";
import { HANDLERS } from "../../../lab/providers/aws/handlers/index.js";
import { STACK_NAMES } from "../../../settings/stacks.js";
import { BASE_SETTINGS, recordStack } from "../../support/recorder.js";

/** Types that the emulator has no API for, or only half of one; they exist in Pulumi's state only. */
const SIMULATED = [
  "aws:backup/plan:Plan",
  "aws:backup/restoreTestingPlan:RestoreTestingPlan",
  "aws:backup/restoreTestingSelection:RestoreTestingSelection",
  "aws:backup/selection:Selection",
  "aws:backup/vault:Vault",
  "aws:backup/vaultLockConfiguration:VaultLockConfiguration",
  "aws:cloudwatch/eventRule:EventRule",
  "aws:cloudwatch/eventTarget:EventTarget",
  "aws:ec2/capacityReservation:CapacityReservation",
  "aws:imagebuilder/component:Component",
  "aws:imagebuilder/distributionConfiguration:DistributionConfiguration",
  "aws:imagebuilder/imagePipeline:ImagePipeline",
  "aws:imagebuilder/imageRecipe:ImageRecipe",
  "aws:imagebuilder/infrastructureConfiguration:InfrastructureConfiguration",
];

test("every AWS type of the program, with every option on, is really made in the emulator or named here", async () => {
  const options = { fleet: { reserveCapacity: true }, pipeline: { repository: "owner/name" } };
  const types = new Set<string>();
  for (const egress of ["nat", "endpoints"]) {
    for (const stack of STACK_NAMES) {
      // Without NAT no image can be built, and the settings say so.
      const images = { build: egress === "nat" };
      const raw = { ...BASE_SETTINGS, ...options, images, network: { egress } };
      const { resources } = await recordStack(stack, raw);
      for (const { type } of resources) if (type.startsWith("aws:")) types.add(type);
    }
  }
  expect([...types].filter((type) => !(type in HANDLERS)).toSorted()).toEqual(SIMULATED);
});
