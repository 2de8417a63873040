import { beforeAll, expect, test } from "vitest";
import { decide, type Request, statement } from "../support/iam.js";
import { ACCOUNT_ID, BASE_SETTINGS, type Recording, recordStack } from "../support/recorder.js";

const KEY = "aws:kms/key:Key";
const REPLICA = "aws:kms/replicaKey:ReplicaKey";
const ROOT = `arn:aws:iam::${ACCOUNT_ID}:root`;

let global: Recording;
beforeAll(async () => {
  global = await recordStack("global");
});

const policyOf = (name: string) => global.one(name).inputs.policy as string;
const asks = (policy: string, request: Omit<Request, "resource">) =>
  decide({ resource: "key", ...request }, policy);

test("each purpose has its own key: primary in home, replica in recovery, the same alias in both", () => {
  for (const purpose of ["data", "backups", "notifications"]) {
    const primary = global.one(`keys-${purpose}`, KEY);
    const replica = global.one(`keys-${purpose}-replica`, REPLICA);
    expect(primary).toMatchObject({ region: "eu-west-1", protect: true });
    expect(primary.inputs).toMatchObject({
      multiRegion: true,
      enableKeyRotation: true,
      deletionWindowInDays: 30,
    });
    expect(replica).toMatchObject({ region: "eu-central-1", protect: true });
    expect(replica.inputs.primaryKeyArn).toContain(`keys-${purpose}`);
    const aliases = global
      .ofType("aws:kms/alias:Alias")
      .filter((a) => a.inputs.name === `alias/drs-${purpose}`);
    expect(aliases.map((alias) => alias.region)).toEqual(
      expect.arrayContaining(["eu-west-1", "eu-central-1"]),
    );
  }
});

test("the account's administrators manage every key and decrypt with none", () => {
  for (const { name } of [...global.ofType(KEY), ...global.ofType(REPLICA)]) {
    const policy = policyOf(name);
    expect(asks(policy, { action: "kms:PutKeyPolicy", principal: ROOT }), name).toBe("allow");
    expect(asks(policy, { action: "kms:Decrypt", principal: ROOT }), name).toBe("nothing");
    expect(asks(policy, { action: "kms:CreateGrant", principal: ROOT }), name).toBe("nothing");
  }
});

test("no caller may have a key deleted in less than 30 days", () => {
  for (const { name } of [...global.ofType(KEY), ...global.ofType(REPLICA)]) {
    const inDays = (days: string | undefined) =>
      asks(policyOf(name), {
        action: "kms:ScheduleKeyDeletion",
        principal: ROOT,
        context: days === undefined ? {} : { "kms:ScheduleKeyDeletionPendingWindowInDays": days },
      });
    expect(inDays("7"), name).toBe("deny");
    expect(inDays("29"), name).toBe("deny");
    expect(inDays("30"), name).toBe("allow");
    // KMS waits 30 days when the request names none.
    expect(inDays(undefined), name).toBe("allow");
  }
});

test("the data key works only through the services of the same region", () => {
  const through = (service: string) =>
    asks(policyOf("keys-data-replica"), {
      action: "kms:Decrypt",
      principal: ROOT,
      context: { "kms:CallerAccount": ACCOUNT_ID, "kms:ViaService": service },
    });
  expect(through("ec2.eu-central-1.amazonaws.com")).toBe("allow");
  expect(through("secretsmanager.eu-central-1.amazonaws.com")).toBe("allow");
  expect(through("ec2.eu-west-1.amazonaws.com")).toBe("nothing");
  expect(through("s3.eu-central-1.amazonaws.com")).toBe("nothing");
});

test("autoscaling's own role, and no other, may use the data key directly", () => {
  const context = (role: string) => ({
    "kms:CallerAccount": ACCOUNT_ID,
    "aws:PrincipalArn": `arn:aws:iam::${ACCOUNT_ID}:role/${role}`,
    "kms:GrantIsForAWSResource": "true",
  });
  const may = (action: string, role: string) =>
    asks(policyOf("keys-data"), { action, principal: "somebody", context: context(role) });
  const autoscaling = "aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
  expect(may("kms:CreateGrant", autoscaling)).toBe("allow");
  expect(may("kms:GenerateDataKeyWithoutPlaintext", autoscaling)).toBe("allow");
  expect(may("kms:CreateGrant", "administrator")).toBe("nothing");
  expect(may("kms:Decrypt", "administrator")).toBe("nothing");
});

test("log groups of this project may be encrypted with the data key, others not", () => {
  const logs = (group: string) =>
    asks(policyOf("keys-data"), {
      action: "kms:GenerateDataKey",
      principal: "logs.eu-west-1.amazonaws.com",
      context: {
        "kms:EncryptionContext:aws:logs:arn": `arn:aws:logs:eu-west-1:${ACCOUNT_ID}:log-group:${group}`,
      },
    });
  expect(logs("/drs/eu-west-1/flow-logs")).toBe("allow");
  expect(logs("/other/app")).toBe("nothing");
});

test("alarms of this account, and of no other, may publish under the notifications key", () => {
  const publish = (account: string) =>
    asks(policyOf("keys-notifications"), {
      action: "kms:GenerateDataKey",
      principal: "cloudwatch.amazonaws.com",
      context: { "aws:SourceAccount": account },
    });
  expect(publish(ACCOUNT_ID)).toBe("allow");
  expect(publish("999999999999")).toBe("nothing");
});

test("the health-check alarms have a separate key in us-east-1", () => {
  const key = global.one("keys-health-notifications", KEY);
  expect(key).toMatchObject({ region: "us-east-1", protect: true });
  expect(key.inputs).toMatchObject({ enableKeyRotation: true });
  expect(key.inputs.multiRegion).toBeUndefined();
  expect(global.one("health-topics-page", "aws:sns/topic:Topic").inputs.kmsMasterKeyId).toContain(key.name);
});

test("where a region is us-east-1, its notifications key and provider serve the health-check alarms too", async () => {
  const american = await recordStack("global", {
    ...BASE_SETTINGS,
    regions: { home: "us-east-1", recovery: "us-west-2", witness: "us-east-2" },
  });
  expect(american.resources.filter(({ name }) => name.startsWith("keys-health"))).toEqual([]);
  expect(american.ofType("pulumi:providers:aws").map(({ name }) => name)).toEqual([
    "aws-us-east-1",
    "aws-us-west-2",
  ]);
  const topic = american.one("health-topics-page", "aws:sns/topic:Topic");
  expect(topic.inputs.kmsMasterKeyId).toContain("keys-notifications");
});

test("the audit key encrypts for the one trail", () => {
  const policy = policyOf("keys-audit");
  const trail = `arn:aws:cloudtrail:eu-west-1:${ACCOUNT_ID}:trail/drs-audit`;
  expect(statement(policy, "TrailEncrypts").Condition.StringEquals).toEqual({ "aws:SourceArn": trail });
  expect(asks(policy, { action: "kms:Decrypt", principal: "cloudtrail.amazonaws.com" })).toBe("nothing");
});

test("the trail may use the audit key as S3 asks for it under the bucket's own key, in its bucket alone", () => {
  const generate = (bucket: string, source: string) =>
    asks(policyOf("keys-audit"), {
      action: "kms:GenerateDataKey",
      principal: "cloudtrail.amazonaws.com",
      context: {
        "aws:SourceArn": `arn:aws:cloudtrail:eu-west-1:${ACCOUNT_ID}:trail/${source}`,
        "kms:EncryptionContext:aws:s3:arn": `arn:aws:s3:::${bucket}`,
      },
    });
  expect(generate(`drs-audit-${ACCOUNT_ID}-eu-west-1`, "drs-audit")).toBe("allow");
  expect(generate(`drs-audit-${ACCOUNT_ID}-eu-west-1`, "other")).toBe("nothing");
  expect(generate("elsewhere", "drs-audit")).toBe("nothing");
});

test("every alias is below the prefix: the pipeline may manage those only", () => {
  for (const { inputs, name } of global.ofType("aws:kms/alias:Alias")) {
    expect(inputs.name, name).toMatch(/^alias\/drs-/);
  }
});
