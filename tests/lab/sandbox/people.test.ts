/**
 * The roles for people as another evaluator sees them: the emulated AWS, which runs with authorization on. It has the roles
 * with their rendered policies and boundaries; each verb's calls are made in a session of its role.
 *
 * `docs/unproven.md` says what this emulator can't judge. Those conditions are taken from the documents here, and a test
 * holds that it still can't.
 */
import { AutoScalingClient, UpdateAutoScalingGroupCommand } from "@aws-sdk/client-auto-scaling";
import { CloudTrailClient, StopLoggingCommand } from "@aws-sdk/client-cloudtrail";
import * as logs from "@aws-sdk/client-cloudwatch-logs";
import * as dynamodb from "@aws-sdk/client-dynamodb";
import { EC2Client, RunInstancesCommand } from "@aws-sdk/client-ec2";
import { CreatePolicyCommand, CreateRoleCommand, IAMClient, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import * as s3 from "@aws-sdk/client-s3";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { GetParameterCommand, SendCommandCommand, SSMClient } from "@aws-sdk/client-ssm";
import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import { beforeAll, describe, expect, test } from "vitest";
import { EMULATED_ACCOUNT } from "../../../lab/sandbox/emulator/emulator.js";
import { contractOf } from "../../../settings/contract.js";
import { parseSharedSettings } from "../../../settings/parse.js";
import { callersOf } from "../../support/access.js";
import { ACCOUNT_ID, BASE_SETTINGS, recordStack } from "../../support/recorder.js";
import { type Call, callsOf, type Input, type VerbOfPeople } from "../../support/verbs.js";
import { sdk, useEmulator } from "../support/emulator.js";

useEmulator();

const SETTINGS = {
  ...BASE_SETTINGS,
  pipeline: { repository: "acme/dr", repositoryId: 456789 },
  people: { trust: { usersOf: ACCOUNT_ID } },
};
const contract = contractOf(parseSharedSettings("global", BASE_SETTINGS), EMULATED_ACCOUNT);
const { home, recovery, claimTable } = contract;

type Json = Record<string, any>;

/** Keys of conditions that the emulator has no value for, and calls whose resource it doesn't name. */
const UNKNOWN_KEYS = ["dynamodb:LeadingKeys", "aws:ResourceTag/project"];
const UNNAMED = "ssm:SendCommand";

function judgeable(document: string): string {
  const { Statement: statements, ...rest } = JSON.parse(document) as Json;
  return JSON.stringify({
    ...rest,
    Statement: statements.map(({ Condition: condition = {}, ...statement }: Json) => ({
      ...statement,
      ...(statement.Effect === "Allow" && statement.Action === UNNAMED && { Resource: "*" }),
      Condition: Object.fromEntries(
        Object.entries(condition as Json)
          .map(([operator, keys]) => [
            operator,
            Object.fromEntries(Object.entries(keys).filter(([key]) => !UNKNOWN_KEYS.includes(key))),
          ])
          .filter(([, keys]) => Object.keys(keys as Json).length > 0),
      ),
    })),
  });
}

/** Sessions by role, and of roles whose documents are as rendered. */
const sessions = new Map<string, object>();
const RENDERED = "as-rendered-";

beforeAll(async () => {
  const callers = callersOf(await recordStack("global", SETTINGS));
  const iam = sdk(IAMClient);
  const here = (document: string) => document.replaceAll(ACCOUNT_ID, EMULATED_ACCOUNT);
  for (const name of [
    ...["dr-operator", "restore-operator", "vault-operator", "auditor", "break-glass"],
    ...["pipeline-deploy-prod", "eu-west-1-database"],
  ]) {
    const { policies, boundary = "" } = callers.get(`drs-${name}`) ?? { policies: [] };
    for (const [as, adapt] of [
      [name, judgeable],
      [`${RENDERED}${name}`, (document: string) => document],
    ] as const) {
      const { Policy: ceiling } = await iam.send(
        new CreatePolicyCommand({ PolicyName: `${as}-boundary`, PolicyDocument: adapt(here(boundary)) }),
      );
      const { Role: role } = await iam.send(
        new CreateRoleCommand({
          RoleName: as,
          PermissionsBoundary: ceiling?.Arn,
          AssumeRolePolicyDocument: JSON.stringify({
            Version: "2012-10-17",
            Statement: [
              {
                Effect: "Allow",
                Principal: { AWS: `arn:aws:iam::${EMULATED_ACCOUNT}:root` },
                Action: "sts:AssumeRole",
              },
            ],
          }),
        }),
      );
      for (const [i, policy] of policies.entries())
        await iam.send(
          new PutRolePolicyCommand({
            RoleName: as,
            PolicyName: `own-${i}`,
            PolicyDocument: adapt(here(policy)),
          }),
        );
      const { Credentials: credentials } = await sdk(STSClient).send(
        new AssumeRoleCommand({ RoleArn: role?.Arn, RoleSessionName: "alice" }),
      );
      sessions.set(as, {
        endpoint: process.env.DR_SANDBOX_ENDPOINT,
        maxAttempts: 1,
        forcePathStyle: true,
        credentials: {
          accessKeyId: credentials?.AccessKeyId,
          secretAccessKey: credentials?.SecretAccessKey,
          sessionToken: credentials?.SessionToken,
        },
      });
    }
  }
}, 600_000);

/** Of S3 the emulator looks for the bucket before it asks whether the caller may. */
beforeAll(async () => {
  for (const { region, vaultBucket: Bucket } of [home, recovery]) {
    const client = sdk(s3.S3Client, region);
    await client.send(
      new s3.CreateBucketCommand({
        Bucket,
        ObjectLockEnabledForBucket: true,
        CreateBucketConfiguration: { LocationConstraint: region as s3.BucketLocationConstraint },
      }),
    );
    for (const Key of ["eu-west-1/x", "eu-west-1/backup.info"])
      await client.send(new s3.PutObjectCommand({ Bucket, Key, Body: "x" }));
  }
});

/** Everywhere else authorization comes first: who hears that a thing or a call doesn't exist has the right to it. */
const ALLOWED_BUT_NOT_THERE =
  /^(ResourceNotFound|NoSuchVersion|ParameterNotFound|ValidationError$|InvalidAction|InvalidInstanceId|InvocationDoesNotExist)/;
const REFUSED = /^(AccessDenied|UnauthorizedOperation)/;

async function isRefused(role: string, call: (config: object) => Promise<unknown>): Promise<boolean> {
  const session = sessions.get(role);
  if (!session) throw new Error(`no role ${role}`);
  try {
    await call(session);
    return false;
  } catch (error) {
    const { name } = error as Error;
    if (REFUSED.test(name)) return true;
    if (ALLOWED_BUT_NOT_THERE.test(name)) return false;
    throw error;
  }
}

const OPERATORS = ["dr-operator", "restore-operator", "vault-operator"] as const;

/** In a batch the emulator asks for `s3:DeleteObject` for the first entry, also where it names a version. */
const singly = ({ name, input, again, region }: Call): Pick<Call, "name" | "again">[] =>
  name === "DeleteObjectsCommand"
    ? input.Delete.Objects.map(({ Key, VersionId }: Input) => ({
        name,
        again: call(
          s3.S3Client,
          region,
          new s3.DeleteObjectCommand({ Bucket: input.Bucket, Key, VersionId }),
        ),
      }))
    : [{ name, again }];

const ACTS: Readonly<Record<VerbOfPeople, readonly string[]>> = {
  status: [],
  restore: ["ResumeProcesses", "SendCommand", "SetDesiredCapacity", "SuspendProcesses"],
  "vault repair": ["CopyObject", "DeleteObjects", "PutBucketVersioning", "PutObjectLockConfiguration"],
};

test.each([
  ["status", "dr-operator"],
  ["restore", "restore-operator"],
  ["vault repair", "vault-operator"],
] as const)("%s: the emulator lets %s make every call, and no other operator act", async (verb, role) => {
  const calls = (await callsOf(verb, EMULATED_ACCOUNT)).flatMap(singly);
  expect(calls.length).toBeGreaterThan(5);
  const refused = async (by: string) => {
    const names = new Set<string>();
    for (const { name, again } of calls) if (await isRefused(by, again)) names.add(name);
    return [...names];
  };
  expect(await refused(role)).toEqual([]);
  for (const other of OPERATORS.filter((each) => each !== role))
    expect(await refused(other), other).toEqual(
      expect.arrayContaining(ACTS[verb].map((name) => `${name}Command`)),
    );
});

/** One client's call, of the command's own client. */
const call =
  (Client: new (config: any) => { send(command: any): Promise<unknown> }, region: string, command: object) =>
  (config: object) =>
    new Client({ ...config, region }).send(command);
const claim = (key: string, region: string) =>
  call(
    dynamodb.DynamoDBClient,
    region,
    new dynamodb.PutItemCommand({
      TableName: claimTable,
      Item: { pk: { S: key }, sk: { N: "3" } },
      ConditionExpression: "attribute_not_exists(pk)",
    }),
  );
const grow = call(
  AutoScalingClient,
  home.region,
  new UpdateAutoScalingGroupCommand({ AutoScalingGroupName: "fleet-group-1", MinSize: 3 }),
);
const send = call(
  SSMClient,
  home.region,
  new SendCommandCommand({ DocumentName: `${contract.operatorDocumentPrefix}guard`, InstanceIds: ["i-1"] }),
);

describe("promote and switchover", () => {
  const calls = {
    "read the handoff": call(
      SSMClient,
      recovery.region,
      new GetParameterCommand({ Name: contract.handoffParameter }),
    ),
    "see the claim table": call(
      dynamodb.DynamoDBClient,
      recovery.region,
      new dynamodb.DescribeTableCommand({ TableName: claimTable }),
    ),
    "claim for the recovery region": claim(recovery.claimKey, recovery.region),
    "claim for the home region": claim(home.claimKey, home.region),
    "let a group grow": grow,
  };
  test.each(Object.entries(calls))(
    "the emulator lets dr-operator %s, and no vault operator",
    async (_, call) => {
      expect(await isRefused("dr-operator", call)).toBe(false);
      expect(await isRefused("vault-operator", call)).toBe(true);
    },
  );
});

const ofVault = (Command: new (input: any) => object, more: object = {}) =>
  call(s3.S3Client, home.region, new Command({ Bucket: home.vaultBucket, Key: "eu-west-1/x", ...more }));
const ofTable = (Command: new (input: any) => object, more: object) =>
  call(dynamodb.DynamoDBClient, home.region, new Command({ TableName: claimTable, ...more }));
const ofTranscripts = (Command: new (input: any) => object, more: object = {}) =>
  call(logs.CloudWatchLogsClient, home.region, new Command({ logGroupName: home.sessionLogGroup, ...more }));
const ITEM = { Key: { pk: { S: home.claimKey }, sk: { N: "3" } } };
const secret = call(
  SecretsManagerClient,
  home.region,
  new GetSecretValueCommand({ SecretId: contract.secrets.superuser }),
);
const markersInABatch = call(
  s3.S3Client,
  home.region,
  new s3.DeleteObjectsCommand({
    Bucket: home.vaultBucket,
    Delete: { Objects: [{ Key: "eu-west-1/x", VersionId: "1" }] },
  }),
);
const version = ofVault(s3.DeleteObjectCommand, { VersionId: "1" });
const events = { logStreamName: "alice-0a1b", logEvents: [{ timestamp: 1, message: "ls" }] };

test.each([
  ["dr-operator", "take a claim back", ofTable(dynamodb.DeleteItemCommand, ITEM)],
  ["dr-operator", "read a secret", secret],
  ["dr-operator", "read a backup", ofVault(s3.GetObjectCommand)],
  [
    "dr-operator",
    "list all of the vault",
    call(s3.S3Client, home.region, new s3.ListObjectsV2Command({ Bucket: home.vaultBucket })),
  ],
  [
    "dr-operator",
    "start a machine",
    call(EC2Client, home.region, new RunInstancesCommand({ ImageId: "ami-1", MinCount: 1, MaxCount: 1 })),
  ],
  ["restore-operator", "claim", claim(home.claimKey, home.region)],
  ["restore-operator", "let a group grow", grow],
  ["vault-operator", "hide a backup", ofVault(s3.DeleteObjectCommand)],
  [
    "vault-operator",
    "shorten a lock",
    ofVault(s3.PutObjectRetentionCommand, {
      Retention: { Mode: "COMPLIANCE", RetainUntilDate: new Date("2027-01-01T00:00:00Z") },
    }),
  ],
  ["auditor", "read a backup", ofVault(s3.GetObjectCommand)],
  ["auditor", "read a secret", secret],
  ["auditor", "delete the transcripts", ofTranscripts(logs.DeleteLogGroupCommand)],
  [
    "break-glass",
    "stop the trail",
    call(CloudTrailClient, home.region, new StopLoggingCommand({ Name: contract.trail })),
  ],
  ["break-glass", "delete the transcripts", ofTranscripts(logs.DeleteLogGroupCommand)],
  [
    "break-glass",
    "keep the transcripts for a day",
    ofTranscripts(logs.PutRetentionPolicyCommand, { retentionInDays: 1 }),
  ],
  ["pipeline-deploy-prod", "delete the transcripts", ofTranscripts(logs.DeleteLogGroupCommand)],
  ["eu-west-1-database", "delete a transcript", ofTranscripts(logs.DeleteLogStreamCommand, events)],
  ["eu-west-1-database", "read a transcript", ofTranscripts(logs.GetLogEventsCommand, events)],
] as const)("the emulator refuses %s to %s", async (role, _, call) => {
  expect(await isRefused(role, call)).toBe(true);
});

test.each([
  ["auditor", "read a transcript", ofTranscripts(logs.GetLogEventsCommand, events)],
  ["auditor", "search the transcripts", ofTranscripts(logs.FilterLogEventsCommand)],
  ["break-glass", "read a secret", secret],
  ["break-glass", "delete a version, which its lock keeps", version],
  [
    "pipeline-deploy-prod",
    "delete a machine's log",
    ofTranscripts(logs.DeleteLogGroupCommand, { logGroupName: home.logGroups.database }),
  ],
  ["eu-west-1-database", "begin a transcript", ofTranscripts(logs.CreateLogStreamCommand, events)],
  ["eu-west-1-database", "write a transcript", ofTranscripts(logs.PutLogEventsCommand, events)],
] as const)("the emulator lets %s %s", async (role, _, call) => {
  expect(await isRefused(role, call)).toBe(false);
});

/** Each of them is allowed on AWS. When one fails here, take its condition off the list above. */
test.each([
  ["dr-operator", "who may claim by the item's key", claim(home.claimKey, home.region)],
  ["dr-operator", "a group's tags", grow],
  ["restore-operator", "which command is sent to which machine", send],
] as const)("the emulator refuses %s as rendered, because it doesn't know %s", async (role, _, call) => {
  expect(await isRefused(`${RENDERED}${role}`, call)).toBe(true);
  expect(await isRefused(role, call)).toBe(false);
});

test("the emulator still takes the first version of a batch for an object", async () => {
  expect(await isRefused("vault-operator", markersInABatch)).toBe(true);
});
