import { expect, test } from "vitest";
import { HANDLERS } from "../../../lab/providers/aws/handlers/index.js";
import { STACK_NAMES } from "../../../settings/stacks.js";
import { COPY_SETTINGS, recordStack } from "../../support/recorder.js";

/** Types that the emulator has no API for, or only half of one; they exist in Pulumi's state only. */
const SIMULATED = [
  "aws:backup/plan:Plan",
  "aws:backup/restoreTestingPlan:RestoreTestingPlan",
  "aws:backup/restoreTestingSelection:RestoreTestingSelection",
  "aws:backup/selection:Selection",
  "aws:backup/vault:Vault",
  "aws:backup/vaultLockConfiguration:VaultLockConfiguration",
  "aws:cloudwatch/eventBus:EventBus",
  "aws:cloudwatch/eventBusPolicy:EventBusPolicy",
  "aws:cloudwatch/eventRule:EventRule",
  "aws:cloudwatch/eventTarget:EventTarget",
  "aws:ec2/capacityReservation:CapacityReservation",
  "aws:imagebuilder/component:Component",
  "aws:imagebuilder/distributionConfiguration:DistributionConfiguration",
  "aws:imagebuilder/imagePipeline:ImagePipeline",
  "aws:imagebuilder/imageRecipe:ImageRecipe",
  "aws:imagebuilder/infrastructureConfiguration:InfrastructureConfiguration",
  "aws:ssm/document:Document",
];

/** Stand-ins that no stack declares yet, and what they are kept for. */
const KEPT_FOR: Readonly<Record<string, string>> = {
  "aws:cloudwatch/dashboard:Dashboard": "dashboards of both regions",
  "aws:lambda/function:Function": "a function that delivers alarms to on-call services",
  "aws:lambda/permission:Permission": "the topic that may call this function",
};

/** The AWS types of the whole program, promoted and with every option on, in order. */
const typesOfProgram = async (): Promise<string[]> => {
  const options = {
    fleet: { reserveCapacity: true },
    pipeline: { repository: "owner/name", repositoryId: 456789 },
  };
  const types = new Set<string>();
  for (const egress of ["nat", "endpoints"]) {
    for (const stack of STACK_NAMES) {
      // Without NAT no image can be built, and the settings say so.
      const images = { build: egress === "nat" };
      const promoted = stack === "dr" && { epoch: 2 };
      const raw = { ...COPY_SETTINGS, ...options, ...promoted, images, network: { egress } };
      const { resources } = await recordStack(stack, raw);
      for (const { type } of resources) if (type.startsWith("aws:")) types.add(type);
    }
  }
  return [...types].toSorted();
};

test("every AWS type of the program is created in the emulator or named here", async () => {
  expect((await typesOfProgram()).filter((type) => !(type in HANDLERS))).toEqual(SIMULATED);
});

test("every stand-in is for a type of the program, or a reason to keep it is given here", async () => {
  const declared = await typesOfProgram();
  const unused = Object.keys(HANDLERS).filter((type) => !declared.includes(type));
  expect(unused.toSorted()).toEqual(Object.keys(KEPT_FOR));
});
