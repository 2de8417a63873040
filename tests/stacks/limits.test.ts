/** What AWS refuses although it is well-formed: sizes, lengths and letters. Tried with the longest settings. */
import { beforeAll, describe, expect, test } from "vitest";
import { STACK_NAMES, type StackName } from "../../settings/stacks.js";
import {
  ACCOUNT_ID,
  BASE_SETTINGS,
  type Recorded,
  type Recording,
  recordStack,
} from "../support/recorder.js";

const LONGEST = {
  ...BASE_SETTINGS,
  name: "abcdefghijkl",
  service: "s".repeat(30),
  domain: `${"d".repeat(60)}.example.com`,
  regions: { home: "ap-northeast-1", recovery: "ap-northeast-2", witness: "ap-northeast-3" },
  database: { voters: 5, readReplicas: 12 },
  databases: Array.from({ length: 8 }, (_, i) => ({ name: `database_${i}`, owner: `owner_${i}` })),
  application: { war: `s3://${"b".repeat(63)}/${"k".repeat(200)}.war` },
  pipeline: { repository: `${"o".repeat(39)}/${"r".repeat(100)}`, repositoryId: 1_999_999_999 },
  images: { build: true },
  accountId: ACCOUNT_ID,
  backup: { copyTo: { accountId: "210987654321" } },
  people: {
    trust: {
      permissionSets: true,
      usersOf: "210987654321",
      samlProviderArn: `arn:aws:iam::123456789012:saml-provider/${"p".repeat(128)}`,
    },
    keysByBreakGlass: true,
  },
};

const recordings = {} as Record<StackName, Recording>;
let all: readonly Recorded[];
beforeAll(async () => {
  for (const stack of STACK_NAMES) recordings[stack] = await recordStack(stack, LONGEST);
  all = STACK_NAMES.flatMap((stack) => recordings[stack].resources);
}, 180_000);

const ofType = (type: string) => all.filter((resource) => resource.type === type);

/** Sources: the quotas of IAM, S3, KMS and SNS. IAM counts no white space; there is none. */
test.each([
  ["aws:iam/policy:Policy", "policy", 6144],
  ["aws:iam/rolePolicy:RolePolicy", "policy", 10_240],
  ["aws:iam/role:Role", "assumeRolePolicy", 2048],
  ["aws:s3/bucketPolicy:BucketPolicy", "policy", 20_480],
  ["aws:kms/key:Key", "policy", 32_768],
  ["aws:kms/replicaKey:ReplicaKey", "policy", 32_768],
  ["aws:sns/topicPolicy:TopicPolicy", "policy", 30_720],
  ["aws:ec2/vpcEndpoint:VpcEndpoint", "policy", 20_480],
])("%s: %s has at most %i characters", (type, key, most) => {
  expect(ofType(type)).not.toEqual([]);
  for (const { name, inputs } of ofType(type)) {
    expect(inputs[key].length, name).toBeLessThanOrEqual(most);
  }
});

test("an SSM parameter holds what its tier takes", () => {
  const limits: Record<string, number> = { Standard: 4096, Advanced: 8192 };
  const parameters = ofType("aws:ssm/parameter:Parameter");
  for (const { name, inputs } of parameters) {
    // Pulumi takes the value of any SSM parameter for a secret.
    const text = JSON.stringify(inputs.value.value);
    expect(text.length, name).toBeLessThanOrEqual(limits[inputs.tier ?? "Standard"] as number);
  }
  expect(new Set(parameters.map(({ inputs }) => inputs.tier))).toEqual(new Set([undefined, "Advanced"]));
});

test("each role has exactly one inline policy: the sizes of several would add up", () => {
  for (const stack of STACK_NAMES) {
    const roles = recordings[stack].ofType("aws:iam/rolePolicy:RolePolicy").map(({ inputs }) => inputs.role);
    expect(new Set(roles).size).toBe(roles.length);
  }
});

test.each([
  ["aws:iam/role:Role", "name", /^[\w+=,.@-]{1,64}$/],
  ["aws:iam/instanceProfile:InstanceProfile", "name", /^[\w+=,.@-]{1,128}$/],
  ["aws:iam/role:Role", "description", /^[\t\n\r\x20-\x7e\xa1-\xff]{1,1000}$/],
  ["aws:s3/bucket:Bucket", "bucket", /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/],
  ["aws:kms/alias:Alias", "name", /^alias\/[\w/-]{1,250}$/],
  ["aws:ec2/securityGroup:SecurityGroup", "description", /^[\w .:/()#,@[\]+=&;{}!$*-]{1,255}$/],
  [
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    "description",
    /^[\w .:/()#,@[\]+=&;{}!$*-]{1,255}$/,
  ],
  [
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    "description",
    /^[\w .:/()#,@[\]+=&;{}!$*-]{1,255}$/,
  ],
  ["aws:ec2/networkInterface:NetworkInterface", "description", /^.{1,255}$/],
  ["aws:ec2/launchTemplate:LaunchTemplate", "description", /^.{1,255}$/],
  ["aws:sns/topic:Topic", "displayName", /^[\x20-\x7e]{1,100}$/],
  ["aws:cloudwatch/metricAlarm:MetricAlarm", "alarmDescription", /^.{1,1024}$/],
  ["aws:cloudwatch/compositeAlarm:CompositeAlarm", "alarmRule", /^.{1,10240}$/],
  ["aws:acm/certificate:Certificate", "domainName", /^.{1,253}$/],
])("%s: %s is what AWS takes", (type, key, shape) => {
  expect(ofType(type)).not.toEqual([]);
  for (const { name, inputs } of ofType(type)) expect(inputs[key], name).toMatch(shape);
});

test("every statement of every policy has an id of letters and digits, once", () => {
  for (const { name, inputs } of all) {
    for (const text of [inputs.policy, inputs.assumeRolePolicy]) {
      if (typeof text !== "string") continue;
      const ids = JSON.parse(text).Statement.map(({ Sid }: { Sid: string }) => Sid);
      for (const id of ids) expect(id, name).toMatch(/^[A-Za-z0-9]+$/);
      expect(new Set(ids).size, name).toBe(ids.length);
    }
  }
});

test("a resource gets at most 50 tags, all of letters that every service takes", () => {
  for (const { name, inputs } of all) {
    const tags = Object.entries((Array.isArray(inputs.tags) ? {} : (inputs.tags ?? {})) as object);
    expect(tags.length, name).toBeLessThanOrEqual(48);
    for (const [key, value] of tags) {
      expect(key, name).toMatch(/^(?!aws:)[\w .:/=+@-]{1,128}$/);
      expect(value, name).toMatch(/^[\w .:/=+@-]{0,256}$/);
    }
  }
});

test("a network ACL has at most 20 rules a side, a security group 60", () => {
  for (const { inputs } of ofType("aws:ec2/networkAcl:NetworkAcl")) {
    expect(inputs.ingress.length).toBeLessThanOrEqual(20);
    expect(inputs.egress.length).toBeLessThanOrEqual(20);
  }
  for (const direction of ["Ingress", "Egress"]) {
    const groups = ofType(`aws:vpc/securityGroup${direction}Rule:SecurityGroup${direction}Rule`).map(
      ({ inputs, region }) => `${region} ${inputs.securityGroupId}`,
    );
    for (const group of groups) expect(groups.filter((one) => one === group).length).toBeLessThanOrEqual(60);
  }
});

describe("alarms of metric math, as on a cold site", () => {
  test("read at most ten metrics, of one period, and return one series", async () => {
    const cold = await recordStack("dr", { ...LONGEST, site: "cold" });
    const queries = cold
      .ofType("aws:cloudwatch/metricAlarm:MetricAlarm")
      .flatMap(({ inputs }) => (inputs.metricQueries ? [inputs.metricQueries] : []));
    expect(queries).not.toEqual([]);
    for (const query of queries as Record<string, any>[][]) {
      expect(query.filter(({ metric }) => metric).length).toBeLessThanOrEqual(10);
      expect(new Set(query.flatMap(({ metric }) => metric?.period ?? [])).size).toBe(1);
      expect(query.filter(({ returnData }) => returnData).length).toBe(1);
      for (const { id } of query) expect(id).toMatch(/^[a-z]\w*$/);
    }
  }, 300_000);
});
