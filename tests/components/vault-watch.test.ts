import { beforeAll, describe, expect, test } from "vitest";
import { type Pattern, vaultEventPatterns } from "../../components/alarms/vault-events.js";
import { BASE_SETTINGS, HANDOFF, recordStack } from "../support/recorder.js";

const VAULT = "drs-vault-123456789012-eu-west-1";
const DEPLOYER = "arn:aws:iam::123456789012:role/drs-pipeline-deploy-global";
const NODE = "arn:aws:iam::123456789012:role/drs-eu-west-1-database";

/** EventBridge's matching, as far as the patterns use it. */
function matches(pattern: Pattern, event: any): boolean {
  return Object.entries(pattern).every(([key, wanted]) => {
    const found = event?.[key];
    if (!Array.isArray(wanted))
      return [found ?? {}].flat().some((inner) => matches(wanted as Pattern, inner));
    return wanted.some((leaf: any) => {
      if (typeof leaf === "string") return found === leaf;
      if ("exists" in leaf) return (found !== undefined) === leaf.exists;
      if (found === undefined) return false;
      return "prefix" in leaf ? found.startsWith(leaf.prefix) : !leaf["anything-but"].includes(found);
    });
  });
}

let patterns: Readonly<Record<string, Pattern>>;
let rules: Record<string, any>[];
beforeAll(async () => {
  const region = await recordStack("prod", {
    ...BASE_SETTINGS,
    pipeline: { repository: "acme/dr", repositoryId: 456789 },
  });
  rules = region
    .ofType("aws:cloudwatch/eventRule:EventRule")
    .filter(({ parent }) => parent === "vault-watch")
    .map(({ inputs }) => inputs);
  patterns = Object.fromEntries(rules.map(({ name, eventPattern }) => [name, JSON.parse(eventPattern)]));
});

const told = (service: "s3" | "kms", eventName: string, detail: Record<string, unknown>, role?: string) =>
  Object.values(patterns).some((pattern) =>
    matches(pattern, {
      source: `aws.${service}`,
      "detail-type": "AWS API Call via CloudTrail",
      detail: {
        eventSource: `${service}.amazonaws.com`,
        eventName,
        userIdentity: role ? { sessionContext: { sessionIssuer: { arn: role } } } : { type: "Root" },
        ...detail,
      },
    }),
  );
const at = (bucketName: string, more = {}) => ({ requestParameters: { bucketName, ...more } });

describe("these calls page", () => {
  test.each([
    "PutBucketVersioning",
    "PutBucketObjectLockConfiguration",
    "PutObjectLockConfiguration",
    "PutBucketPolicy",
    "DeleteBucketPolicy",
    "PutBucketLifecycle",
    "PutLifecycleConfiguration",
    "PutBucketReplication",
    "DeleteBucketReplication",
    "PutBucketEncryption",
    "PutObjectRetention",
    "PutObjectLegalHold",
  ])("%s, tried or done, by a node and by the root", (call) => {
    expect(told("s3", call, at(VAULT), NODE)).toBe(true);
    expect(told("s3", call, { ...at(VAULT), errorCode: "AccessDenied" }, NODE)).toBe(true);
    expect(told("s3", call, at(VAULT))).toBe(true);
  });

  test("the deletion of a version, and not of an object, which pgBackRest's expiry is", () => {
    expect(told("s3", "DeleteObject", at(VAULT, { versionId: "v1" }), NODE)).toBe(true);
    expect(told("s3", "DeleteObject", at(VAULT), NODE)).toBe(false);
  });

  test.each(["ScheduleKeyDeletion", "DisableKey", "PutKeyPolicy"])("%s at the vault's key", (call) => {
    expect(told("kms", call, { resources: [{ ARN: HANDOFF.backupsKeyArn }] }, NODE)).toBe(true);
    expect(told("kms", call, { resources: [{ ARN: HANDOFF.dataKeyArn }] }, NODE)).toBe(false);
  });
});

test("calls by the pipeline, on other buckets, and plain reads and writes don't page", () => {
  expect(told("s3", "PutBucketPolicy", at(VAULT), DEPLOYER)).toBe(false);
  expect(told("s3", "PutBucketPolicy", at("drs-runbooks"), NODE)).toBe(false);
  for (const call of ["PutObject", "GetObject", "GetBucketPolicy", "ListObjects"])
    expect(told("s3", call, at(VAULT), NODE), call).toBe(false);
});

test("without a pipeline people deploy, and each change pages", () => {
  const { settings } = vaultEventPatterns({ vaultBucket: VAULT }, { backupsKeyArn: "arn:key" });
  expect(JSON.stringify(settings)).not.toContain("userIdentity");
});

test("each rule pages, in words that name the caller and the runbook", async () => {
  const region = await recordStack("prod");
  const targets = region
    .ofType("aws:cloudwatch/eventTarget:EventTarget")
    .filter(({ parent }) => parent === "vault-watch");
  expect(targets.map(({ inputs }) => inputs.rule)).toEqual(rules.map(({ name }) => name));
  for (const { inputs } of targets) {
    expect(inputs.arn).toMatch(/alarms-topics-page$/);
    const text = JSON.parse(inputs.inputTransformer.inputTemplate);
    expect(text).toMatch(/<call> .* by <who> from <from>\. Runbook: runbooks\/vault-tampering\.md$/);
    for (const [, variable] of text.matchAll(/<(\w+)>/g))
      expect(inputs.inputTransformer.inputPaths).toHaveProperty(variable);
  }
});
