/** With `images.build`, the stacks keep every rule and AWS's limits; without it nothing of it is there. */
import { beforeAll, describe, expect, test } from "vitest";
import { RULES } from "../../policies/rules.js";
import { STACK_NAMES, type StackName } from "../../settings/stacks.js";
import { sampleOf, violationsOf } from "../support/policy.js";
import { COPY_SETTINGS, type Recording, recordStack } from "../support/recorder.js";

const SETTINGS = {
  ...COPY_SETTINGS,
  name: "abcdefghijkl",
  pipeline: { repository: "example/disaster-recovery", repositoryId: 456789 },
};
const built = {} as Record<StackName, Recording>;
beforeAll(async () => {
  for (const stack of STACK_NAMES)
    built[stack] = await recordStack(stack, { ...SETTINGS, images: { build: true } });
}, 180_000);

const policyOf = (recording: Recording, name: string, type?: string) =>
  JSON.parse(recording.one(name, type).inputs.policy);

describe.each(STACK_NAMES)("stack %s", (stack) => {
  test("keeps every rule", () => {
    const samples = built[stack].resources.map(sampleOf);
    expect(RULES.flatMap((rule) => violationsOf(rule, samples))).toEqual([]);
  });

  test("is within the limits of IAM", () => {
    for (const { inputs, name } of built[stack].ofType("aws:iam/rolePolicy:RolePolicy")) {
      expect(inputs.policy.length, name).toBeLessThanOrEqual(10_240);
    }
    for (const { inputs, name } of built[stack].ofType("aws:iam/policy:Policy")) {
      expect(inputs.policy.length, name).toBeLessThanOrEqual(6144);
    }
  });
});

test.each(["prod", "dr"] as const)("%s builds both images in its own region only", (stack) => {
  const pipelines = built[stack].ofType("aws:imagebuilder/imagePipeline:ImagePipeline");
  expect(pipelines).toHaveLength(2);
  const region = stack === "prod" ? "eu-west-1" : "eu-central-1";
  expect(new Set(pipelines.map((pipeline) => pipeline.region))).toEqual(new Set([region]));
});

test("the stacks agree on the build machines' profile", () => {
  const profiles = built.global
    .ofType("aws:iam/instanceProfile:InstanceProfile")
    .map(({ inputs }) => inputs.name);
  for (const stack of ["prod", "dr"] as const) {
    const [infrastructure] = built[stack].ofType(
      "aws:imagebuilder/infrastructureConfiguration:InfrastructureConfiguration",
    );
    expect(profiles).toContain(infrastructure?.inputs.instanceProfileName);
  }
});

test("a build machine reads its scripts, and nothing of the application, the vaults or the secrets", () => {
  const { Statement } = policyOf(built.global, "image-access-home-policy");
  const read = Statement.filter(({ Action }: { Action: string | string[] }) =>
    [Action].flat().some((action) => /^(s3|secretsmanager|dynamodb|ssm:Get)/.test(action)),
  ).flatMap(({ Resource }: { Resource: string | string[] }) => [Resource].flat());
  expect(read).toEqual([
    "arn:aws:s3:::abcdefghijkl-artifacts-123456789012-eu-west-1/images/*",
    "arn:aws:s3:::ec2imagebuilder-toe-eu-west-1-prod/*",
  ]);
});

test("the boundaries let Image Builder through exactly where images are built", async () => {
  const allowed = (recording: Recording) =>
    ["boundary-machines", "boundary-pipeline"].map((name) =>
      policyOf(recording, name, "aws:iam/policy:Policy")
        .Statement.filter(({ Effect }: { Effect: string }) => Effect === "Allow")
        .flatMap(({ Action }: { Action: string | string[] }) => Action),
    );
  const BUILDING = ["imagebuilder:GetComponent", "imagebuilder:*"];
  for (const [i, actions] of allowed(built.global).entries()) expect(actions).toContain(BUILDING[i]);
  const without = await recordStack("global", SETTINGS);
  for (const actions of allowed(without)) expect(actions.join()).not.toContain("imagebuilder");
  expect(without.resources.filter(({ name }) => name.startsWith("image"))).toEqual([]);
});

test("a region that builds none has nothing of it", async () => {
  const without = await recordStack("prod", SETTINGS);
  expect(
    without.resources.filter(({ type, name }) => /imagebuilder/.test(type) || /^images/.test(name)),
  ).toEqual([]);
});
