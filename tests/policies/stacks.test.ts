/** The program keeps its own rules: every rule over everything that each stack declares. */
import { beforeAll, describe, expect, test } from "vitest";
import { ANY_TYPE } from "../../policies/rule.js";
import { RULES } from "../../policies/rules.js";
import { STACK_NAMES, type StackName } from "../../settings/stacks.js";
import { sampleOf, violationsOf } from "../support/policy.js";
import { COPY_SETTINGS, type Recording, recordStack } from "../support/recorder.js";

/** Rules about what the project doesn't have, and must not get. */
const NOT_YET_USED = [
  "iam-no-users",
  "kubernetes-no-cluster-admin",
  "kubernetes-no-escalation",
  "kubernetes-no-wildcards",
];

const recordings = {} as Record<StackName, Recording>;

beforeAll(async () => {
  for (const stack of STACK_NAMES) {
    const raw = {
      ...COPY_SETTINGS,
      pipeline: { repository: "example/disaster-recovery", repositoryId: 456789 },
      people: {
        trust: {
          permissionSets: true,
          usersOf: "210987654321",
          samlProviderArn: "arn:aws:iam::123456789012:saml-provider/company",
        },
        keysByBreakGlass: true,
      },
    };
    recordings[stack] = await recordStack(stack, raw);
  }
}, 180_000);

describe.each(STACK_NAMES)("stack %s", (stack) => {
  test.each(RULES.map((rule) => [rule.name, rule] as const))("keeps %s", (_, rule) => {
    expect(violationsOf(rule, recordings[stack].resources.map(sampleOf))).toEqual([]);
  });
});

test("each rule has something to judge", () => {
  const types = new Set(STACK_NAMES.flatMap((stack) => recordings[stack].resources.map(({ type }) => type)));
  const idle = RULES.filter((rule) => !rule.types.some((type) => type === ANY_TYPE || types.has(type)));
  expect(idle.map(({ name }) => name).sort()).toEqual(NOT_YET_USED);
});
