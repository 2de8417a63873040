/**
 * Each verb works with its role and no more: its code runs against recorded answers of AWS, and each call that it makes is
 * judged by the rendered policies. A new call without a right fails here.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { ROLE_OF_VERB } from "../../cli/roles.js";
import { DOCUMENT_NAMES } from "../../nodes/operator-documents.js";
import { contractOf } from "../../settings/contract.js";
import { parseSharedSettings } from "../../settings/parse.js";
import type { PersonRole } from "../../settings/people.js";
import { type Ask, callersOf, judge, keyArn, targetsOf } from "../support/access.js";
import { type Caller, decide } from "../support/iam.js";
import { ACCOUNT_ID, BASE_SETTINGS, type Recording, recordStack } from "../support/recorder.js";
import { type Call, callsOf, type Input } from "../support/verbs.js";

const SETTINGS = {
  ...BASE_SETTINGS,
  people: {
    trust: {
      permissionSets: true,
      usersOf: ACCOUNT_ID,
      samlProviderArn: `arn:aws:iam::${ACCOUNT_ID}:saml-provider/company`,
    },
    keysByBreakGlass: true,
  },
};
const CONTRACT = contractOf(parseSharedSettings("global", BASE_SETTINGS), ACCOUNT_ID);
const PROJECT = { "aws:ResourceTag/project": "drs" };

let global: Recording;
let callers: ReadonlyMap<string, Caller>;
let targetOf: ReturnType<typeof targetsOf>;
beforeAll(async () => {
  global = await recordStack("global", SETTINGS);
  callers = callersOf(global);
  targetOf = targetsOf(global);
}, 600_000);

const inTable = (
  { TableName: table, ...input }: Input,
  region: string,
  action: string,
  key?: string,
): Ask => ({
  action: `dynamodb:${action}`,
  resource: `arn:aws:dynamodb:${region}:${ACCOUNT_ID}:table/${table}`,
  context: { "dynamodb:LeadingKeys": [key ?? input.Key?.pk?.S ?? "claim#eu-west-1"] },
});
const any = (action: string, region: string): Ask => ({ action, resource: "*", at: region });
const group = ({ AutoScalingGroupName: name }: Input, region: string, action: string): Ask => ({
  action: `autoscaling:${action}`,
  resource: `arn:aws:autoscaling:${region}:${ACCOUNT_ID}:autoScalingGroup:1:autoScalingGroupName/${name}`,
  context: PROJECT,
});
const bucket = ({ Bucket: name, Prefix: prefix }: Input, region: string, action: string): Ask => ({
  action: `s3:${action}`,
  resource: `arn:aws:s3:::${name}`,
  at: region,
  context: prefix === undefined ? {} : { "s3:prefix": prefix },
});
const object = (action: string, name: string, region: string): Ask => ({
  action: `s3:${action}`,
  resource: `arn:aws:s3:::${name}`,
  at: region,
});
const vaultKey = (action: string, region: string): Ask => ({
  action: `kms:${action}`,
  resource: keyArn(global, region === "eu-west-1" ? "keys-backups" : "keys-backups-replica"),
  context: {
    "kms:ViaService": `s3.${region}.amazonaws.com`,
    "kms:EncryptionContext:aws:s3:arn": `arn:aws:s3:::drs-vault-${ACCOUNT_ID}-${region}`,
  },
});

/** What AWS asks for by each call. */
const RIGHTS: Readonly<Record<string, (input: Input, region: string) => readonly Ask[]>> = {
  GetCallerIdentityCommand: () => [],
  QueryCommand: (input, region) => [inTable(input, region, "Query")],
  GetItemCommand: (input, region) => [inTable(input, region, "GetItem")],
  ListObjectsV2Command: (input, region) => [bucket(input, region, "ListBucket")],
  ListObjectVersionsCommand: (input, region) => [bucket(input, region, "ListBucketVersions")],
  GetBucketVersioningCommand: (input, region) => [bucket(input, region, "GetBucketVersioning")],
  GetObjectLockConfigurationCommand: (input, region) => [
    bucket(input, region, "GetBucketObjectLockConfiguration"),
  ],
  PutBucketVersioningCommand: (input, region) => [bucket(input, region, "PutBucketVersioning")],
  PutObjectLockConfigurationCommand: (input, region) => [
    bucket(input, region, "PutBucketObjectLockConfiguration"),
  ],
  DeleteObjectsCommand: ({ Bucket: name, Delete: { Objects: objects } }, region) =>
    objects.map(({ Key: key, VersionId: version }: Input) =>
      object(version ? "DeleteObjectVersion" : "DeleteObject", `${name}/${key}`, region),
    ),
  CopyObjectCommand: ({ Bucket: name, Key: key, CopySource: source }, region) => [
    ...["GetObjectVersion", "GetObjectVersionTagging"].map((action) =>
      object(action, String(source).split("?")[0] as string, region),
    ),
    ...["PutObject", "PutObjectTagging"].map((action) => object(action, `${name}/${key}`, region)),
    ...["Decrypt", "GenerateDataKey"].map((action) => vaultKey(action, region)),
  ],
  DescribeInstancesCommand: (_, region) => [any("ec2:DescribeInstances", region)],
  DescribeInstanceInformationCommand: (_, region) => [any("ssm:DescribeInstanceInformation", region)],
  GetCommandInvocationCommand: (_, region) => [any("ssm:GetCommandInvocation", region)],
  DescribeAutoScalingGroupsCommand: (_, region) => [any("autoscaling:DescribeAutoScalingGroups", region)],
  SetDesiredCapacityCommand: (input, region) => [group(input, region, "SetDesiredCapacity")],
  SuspendProcessesCommand: (input, region) => [group(input, region, "SuspendProcesses")],
  ResumeProcessesCommand: (input, region) => [group(input, region, "ResumeProcesses")],
  SendCommandCommand: ({ DocumentName: name, InstanceIds: ids }, region) => [
    {
      action: "ssm:SendCommand",
      resource: String(name).startsWith("AWS-")
        ? `arn:aws:ssm:${region}::document/${name}`
        : `arn:aws:ssm:${region}:${ACCOUNT_ID}:document/${name}`,
    },
    ...ids.map((id: string) => ({
      action: "ssm:SendCommand",
      resource: `arn:aws:ec2:${region}:${ACCOUNT_ID}:instance/${id}`,
      context: PROJECT,
    })),
  ],
};

const callerOf = (role: PersonRole): Caller => callers.get(CONTRACT.personRole(role)) as Caller;

/** Calls that the role may not make, with what AWS asks for. */
function refused(role: PersonRole, made: readonly Call[]): string[] {
  return made.flatMap(({ name, region, input }) => {
    const rights = RIGHTS[name];
    if (!rights) throw new Error(`the table doesn't say which right ${name} needs`);
    return rights(input, region)
      .filter((ask) => !judge(ask, callerOf(role), targetOf(ask.resource)))
      .map((ask) => `${name}: ${ask.action} on ${ask.resource}`);
  });
}

const asked = new Set<string>();

test.each([
  ["status", "dr-operator"],
  ["restore", "restore-operator"],
  ["vault repair", "vault-operator"],
] as const)("%s works with the role %s, and with no other operator's where it acts", async (verb, role) => {
  const calls = await callsOf(verb);
  for (const { name } of calls) asked.add(name);
  expect(calls.length).toBeGreaterThan(5);
  expect(refused(role, calls)).toEqual([]);
  const others = (["dr-operator", "restore-operator", "vault-operator"] as const).filter(
    (each) => each !== role,
  );
  for (const other of others) expect(refused(other, calls), other).not.toEqual([]);
});

/** What no operator's role is for: cli/roles.ts. */
const OF_ADMINISTRATORS = /^(begin|rotation)\/|^state-bucket[.]/;
/** By `vault/bucket.ts`, for `begin/`. */
const ORDERS = "PutObjectCommand";
test("these tests make every call that the code of the verbs can make", () => {
  const source = readdirSync("operations", { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !OF_ADMINISTRATORS.test(file))
    .map((file) => readFileSync(join("operations", file), "utf8"))
    .join("\n");
  const made = new Set([...source.matchAll(/new (\w+Command)\(/g)].map(([, name]) => name as string));
  expect([...made].filter((name) => !asked.has(name))).toEqual([ORDERS]);
});

test("a promotion's own calls are dr-operator's: read the handoff, claim, let groups grow", async () => {
  const raw = { ...BASE_SETTINGS };
  const before = await recordStack("prod", { ...raw, epoch: 1, yieldedTo: 2 });
  const after = await recordStack("prod", { ...raw, epoch: 3, yieldedTo: 2, fenced: 3, acceptDataLoss: 3 });
  const asks: Ask[] = after.calls
    .filter(({ token }) => !token.endsWith(":getCallerIdentity"))
    .map(({ inputs }) => ({
      action: "ssm:GetParameter",
      resource: `arn:aws:ssm:eu-west-1:${ACCOUNT_ID}:parameter${inputs.name}`,
    }));
  const same = (name: string, inputs: unknown) =>
    before.resources.some(
      (one) => one.name === name && JSON.stringify(one.inputs) === JSON.stringify(inputs),
    );
  for (const { type, name, inputs } of after.resources.filter(({ custom }) => custom)) {
    if (same(name, inputs)) continue;
    if (type === "aws:dynamodb/tableItem:TableItem") {
      const key = JSON.parse(inputs.item).pk.S as string;
      asks.push(
        inTable({ TableName: inputs.tableName }, "eu-west-1", "PutItem", key),
        inTable({ TableName: inputs.tableName }, "eu-west-1", "GetItem", key),
      );
    } else {
      expect(type).toBe("aws:autoscaling/group:Group");
      asks.push(group({ AutoScalingGroupName: `${name}-1` }, "eu-west-1", "UpdateAutoScalingGroup"));
    }
  }
  expect(asks.length).toBeGreaterThan(6);
  const not = asks.filter((ask) => !judge(ask, callerOf("dr-operator"), targetOf(ask.resource)));
  expect(not).toEqual([]);
}, 600_000);

/** Session Manager asks for the machine and for the document; the key says whether it asks for the latter. */
const shell = (project: string, document: string | undefined): Ask[] => [
  {
    action: "ssm:StartSession",
    resource: `arn:aws:ec2:eu-west-1:${ACCOUNT_ID}:instance/i-1`,
    context: {
      "aws:ResourceTag/project": project,
      "ssm:SessionDocumentAccessCheck": `${document !== undefined}`,
    },
  },
  ...(document === undefined
    ? []
    : [
        {
          action: "ssm:StartSession",
          resource: `arn:aws:ssm:eu-west-1:${document.startsWith("AWS-") ? "" : ACCOUNT_ID}:document/${document}`,
        },
      ]),
];
test.each([
  ["a machine by the document that leaves a transcript", "drs", "drs-shell", true],
  ["a machine without a document", "drs", undefined, false],
  ["a machine by the account's own document", "drs", "SSM-SessionManagerRunShell", false],
  ["a machine by a tunnel", "drs", "AWS-StartSSHSession", false],
  ["another project's machine", "payroll", "drs-shell", false],
] as const)("a shell on %s: only break-glass, if at all", (_, project, document, opens) => {
  const may = (role: PersonRole) =>
    shell(project, document).every((ask) => judge(ask, callerOf(role), targetOf(ask.resource)));
  expect(may("break-glass")).toBe(opens);
  for (const role of ["dr-operator", "restore-operator", "vault-operator", "auditor"] as const)
    expect(may(role), role).toBe(false);
});

test("every role that a verb names exists", () => {
  for (const role of Object.values(ROLE_OF_VERB))
    if (role !== "administrator") expect(callers.has(CONTRACT.personRole(role)), role).toBe(true);
});

const ROLE = "drs-dr-operator";
const trust = () =>
  global.ofType("aws:iam/role:Role").find(({ inputs }) => inputs.name === ROLE)?.inputs.assumeRolePolicy;
const becomes = (principal: string, action: string, context: Record<string, string>) =>
  decide(
    {
      action: `sts:${action}`,
      resource: "",
      principal,
      context: { "aws:RequestedRegion": "eu-central-1", ...context },
    },
    trust(),
  );
const ROOT = `arn:aws:iam::${ACCOUNT_ID}:root`;
const SET = `arn:aws:iam::${ACCOUNT_ID}:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_`;
const alice = {
  "aws:PrincipalArn": `arn:aws:iam::${ACCOUNT_ID}:user/alice`,
  "aws:username": "alice",
  "sts:SourceIdentity": "alice",
  "aws:MultiFactorAuthPresent": "true",
  "aws:MultiFactorAuthAge": "60",
};
const assigned = {
  "aws:PrincipalArn": `${SET}${ROLE}_0123456789abcdef`,
  "sts:SourceIdentity": "alice@example.com",
};
const asserted = {
  "SAML:aud": "https://eu-central-1.signin.aws.amazon.com/saml",
  "sts:SourceIdentity": "alice",
};
const PROVIDER = `arn:aws:iam::${ACCOUNT_ID}:saml-provider/company`;
const { "aws:MultiFactorAuthPresent": _, ...withoutMfa } = alice;
const { "sts:SourceIdentity": __, ...unnamed } = assigned;

test.each([
  ["a user with MFA", ROOT, "AssumeRole", alice, "allow"],
  ["a user without MFA", ROOT, "AssumeRole", withoutMfa, "nothing"],
  [
    "a user whose MFA is older",
    ROOT,
    "AssumeRole",
    { ...alice, "aws:MultiFactorAuthAge": "4000" },
    "nothing",
  ],
  ["a user under another's name", ROOT, "AssumeRole", { ...alice, "sts:SourceIdentity": "bob" }, "nothing"],
  ["the permission set of that name", ROOT, "AssumeRole", assigned, "allow"],
  [
    "another permission set",
    ROOT,
    "AssumeRole",
    { ...assigned, "aws:PrincipalArn": `${SET}drs-auditor_0123456789abcdef` },
    "nothing",
  ],
  ["a permission set without a name", ROOT, "AssumeRole", unnamed, "nothing"],
  ["an assertion for AWS", PROVIDER, "AssumeRoleWithSAML", asserted, "allow"],
  [
    "an assertion for another service",
    PROVIDER,
    "AssumeRoleWithSAML",
    { ...asserted, "SAML:aud": "https://wiki.example.com" },
    "nothing",
  ],
  [
    "a region whose STS no rule watches",
    ROOT,
    "AssumeRole",
    { ...alice, "aws:RequestedRegion": "ap-south-1" },
    "nothing",
  ],
] as const)("who may be dr-operator: %s", (_, principal, action, context, decision) => {
  expect(becomes(principal, action, context)).toBe(decision);
});

test("only break-glass and the root close or open a key; none of them can delete one sooner than in 30 days", () => {
  const everything = JSON.stringify({ Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] });
  const named = (role: string): Caller => ({ role, policies: [everything] });
  const admin = named(`arn:aws:iam::${ACCOUNT_ID}:role/Administrator`);
  const glass = named(`arn:aws:iam::${ACCOUNT_ID}:role/drs-break-glass`);
  const names = [...global.ofType("aws:kms/key:Key"), ...global.ofType("aws:kms/replicaKey:ReplicaKey")];
  expect(names.length).toBeGreaterThan(6);
  for (const { name } of names) {
    const resource = keyArn(global, name);
    const may = (by: Caller, action: string) =>
      judge({ action: `kms:${action}`, resource }, by, targetOf(resource));
    for (const action of ["DisableKey", "PutKeyPolicy"]) {
      expect(may(admin, action), name).toBe(false);
      expect(may(glass, action), name).toBe(true);
      expect(may(named(ROOT), action), name).toBe(true);
    }
    expect(may(admin, "DescribeKey")).toBe(true);
    const soon = { "kms:ScheduleKeyDeletionPendingWindowInDays": "7" };
    for (const by of [admin, glass, named(ROOT)])
      expect(
        judge({ action: "kms:ScheduleKeyDeletion", resource, context: soon }, by, targetOf(resource)),
      ).toBe(false);
  }
});

test("becoming break-glass pages in every region whose STS its trust takes", async () => {
  const stacks = [global, await recordStack("prod", SETTINGS), await recordStack("dr", SETTINGS)];
  const rules = stacks.flatMap((stack) =>
    stack
      .ofType("aws:cloudwatch/eventRule:EventRule")
      .filter(({ inputs }) => inputs.name.endsWith("-watch-break-glass")),
  );
  expect(rules.map(({ region }) => region).toSorted()).toEqual(["eu-central-1", "eu-west-1", "us-east-1"]);
  for (const { inputs } of rules)
    expect(JSON.parse(inputs.eventPattern).detail).toMatchObject({
      eventName: [{ prefix: "AssumeRole" }],
      requestParameters: { roleArn: [`arn:aws:iam::${ACCOUNT_ID}:role/drs-break-glass`] },
    });
}, 600_000);

test("each region's stack declares the commands that the restore operator may run", async () => {
  const prod = await recordStack("prod", SETTINGS);
  const names = prod.ofType("aws:ssm/document:Document").map(({ inputs }) => inputs.name);
  expect(names.toSorted()).toEqual(DOCUMENT_NAMES.map((name) => `drs-op-${name}`).toSorted());
}, 600_000);
