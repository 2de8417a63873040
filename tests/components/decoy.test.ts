import { beforeAll, expect, test } from "vitest";
import { BASE_SETTINGS, type Recording, recordStack } from "../support/recorder.js";

const NAME = "drs/admin/password";
const ARN = `arn:aws:secretsmanager:eu-west-1:123456789012:secret:${NAME}-a1B2c3`;

let global: Recording;
const regions: Record<string, Recording> = {};
beforeAll(async () => {
  global = await recordStack("global");
  for (const stack of ["prod", "dr"] as const) regions[stack] = await recordStack(stack, BASE_SETTINGS);
});

test("the decoy is in both regions, under their keys, with a random value that no refresh reads", () => {
  const { inputs, protect } = global.one("decoy", "aws:secretsmanager/secret:Secret");
  expect(protect).toBe(true);
  expect(inputs.name).toBe(NAME);
  expect(inputs.replicas).toEqual([expect.objectContaining({ region: "eu-central-1" })]);
  const version = global.one("decoy-version", "aws:secretsmanager/secretVersion:SecretVersion").inputs;
  expect(version.secretString).toBeUndefined();
  const value = version.secretStringWo.value ?? version.secretStringWo;
  expect(JSON.parse(value)).toEqual({ username: "admin", password: "value of decoy-value" });
});

/** EventBridge's matching, as far as the pattern uses it. */
function matches(pattern: any, event: any): boolean {
  return Object.entries(pattern).every(([key, wanted]: [string, any]) => {
    if (key === "$or") return wanted.some((one: any) => matches(one, event));
    if (!Array.isArray(wanted)) return matches(wanted, event?.[key] ?? {});
    return wanted.some((leaf: any) =>
      typeof leaf === "string"
        ? event?.[key] === leaf
        : new RegExp(`^${leaf.wildcard.split("*").join(".*")}$`).test(event?.[key] ?? ""),
    );
  });
}
const read = (detail: object, eventName = "GetSecretValue") => ({
  source: "aws.secretsmanager",
  "detail-type": "AWS API Call via CloudTrail",
  detail: { eventSource: "secretsmanager.amazonaws.com", eventName, ...detail },
});

test.each(["prod", "dr"])("%s pages on each read of it, done or refused, and on no other call", (stack) => {
  const rule = (regions[stack] as Recording).one("decoy-watch", "aws:cloudwatch/eventRule:EventRule").inputs;
  // Reads reach no rule in the ordinary state.
  expect(rule.state).toBe("ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS");
  const pattern = JSON.parse(rule.eventPattern);
  const of = (secretId: string) => ({ requestParameters: { secretId } });
  expect(matches(pattern, read(of(NAME)))).toBe(true);
  expect(matches(pattern, read(of(ARN)))).toBe(true);
  const refused = `User: x is not authorized to perform: secretsmanager:GetSecretValue on resource: ${NAME}`;
  expect(
    matches(pattern, read({ requestParameters: null, errorCode: "AccessDenied", errorMessage: refused })),
  ).toBe(true);
  expect(matches(pattern, read(of("drs/postgres/superuser")))).toBe(false);
  expect(matches(pattern, read(of(NAME), "DescribeSecret"))).toBe(false);
  const target = (regions[stack] as Recording).one(
    "decoy-watch-page",
    "aws:cloudwatch/eventTarget:EventTarget",
  ).inputs;
  expect(target.inputTransformer.inputTemplate).toContain("runbooks/decoy-read.md");
});

test.each(["prod", "dr"])("%s: the rule may publish to the page topic", (stack) => {
  const recorded = regions[stack] as Recording;
  const rule = recorded.one("decoy-watch", "aws:cloudwatch/eventRule:EventRule").inputs;
  const policies = recorded.ofType("aws:sns/topicPolicy:TopicPolicy").map(({ inputs }) => inputs.policy);
  const sources = policies.flatMap((policy) =>
    JSON.parse(policy).Statement.flatMap((one: any) =>
      [one.Condition?.ArnLike?.["aws:SourceArn"] ?? []].flat(),
    ),
  );
  const like = (arn: string) => arn.endsWith("-watch-*");
  expect(rule.name).toContain("-watch-");
  expect(sources.some(like)).toBe(true);
});
