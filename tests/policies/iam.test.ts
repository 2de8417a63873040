import { expect, test } from "vitest";
import { resourcePoliciesNotPublic } from "../../policies/rules/access.js";
import * as iam from "../../policies/rules/iam.js";
import { isUnscoped } from "../../policies/unscoped-actions.js";
import { describeRule, type Sample, violationsOf } from "../support/policy.js";

const rolePolicy = (statement: Record<string, unknown>, role = "drs-eu-west-1-database"): Sample => ({
  type: "aws:iam/rolePolicy:RolePolicy",
  props: { role, policy: { Statement: [{ Sid: "It", Effect: "Allow", ...statement }] } },
});
const AT = "policy.Statement.0";

describeRule(iam.iamNoWildcardActions, {
  good: [
    rolePolicy({ Action: ["s3:GetObject", "s3:List*"], Resource: "arn:aws:s3:::b/*" }),
    {
      type: "aws:iam/policy:Policy",
      props: {
        name: "drs-boundary",
        policy: { Statement: [{ Effect: "Allow", Action: "s3:*", Resource: "*" }] },
      },
    },
    {
      type: "aws:iam/role:Role",
      props: {
        name: "r",
        inlinePolicies: [
          {
            name: "p",
            policy: { Statement: { Sid: "In", Effect: "Allow", Action: "s3:GetObject", Resource: "a" } },
          },
        ],
      },
    },
    { ...rolePolicy({ Effect: "Deny", Action: "*", Resource: "*" }), name: "denial" },
  ],
  bad: {
    everything: {
      set: { [`${AT}.Action`]: "*" },
      message:
        'policy.It.Action = ["*"]\n  also allows actions that were not intended, future ones included\n  → list the actions that are used',
    },
    "all of a service": {
      set: { [`${AT}.Action`]: ["s3:GetObject", "kms:*"] },
      message:
        'policy.It.Action = ["kms:*"]\n  also allows actions that were not intended, future ones included\n  → list the actions that are used',
    },
    "all but something": {
      set: { [`${AT}.Action`]: undefined, [`${AT}.NotAction`]: "iam:*" },
      message:
        'policy.It.Not… = ["iam:*"]\n  an Allow with NotAction or NotResource allows everything except what it lists\n  → list the actions that are used',
    },
    "a policy that isn't the boundary": {
      of: 1,
      set: { name: "drs-operators" },
      message:
        'policy.#1.Action = ["s3:*"]\n  also allows actions that were not intended, future ones included\n  → list the actions that are used',
    },
    "an inline policy": {
      of: 2,
      set: { "inlinePolicies.0.policy.Statement.Action": "ec2:*" },
      message:
        'policy.In.Action = ["ec2:*"]\n  also allows actions that were not intended, future ones included\n  → list the actions that are used',
    },
  },
});

const REGION = { StringEquals: { "aws:RequestedRegion": "eu-west-1" } };
const wide = (actions: string) =>
  `policy.It.Resource = "*"\n  ${actions} can be limited to the intended resources\n  → name them, or, when AWS takes only *, add the action to policies/unscoped-actions.ts`;
describeRule(iam.iamNoWildcardResources, {
  good: [
    rolePolicy({ Action: "s3:GetObject", Resource: "arn:aws:s3:::b/*" }),
    {
      ...rolePolicy({ Action: ["cloudwatch:PutMetricData", "ec2:DescribeVolumes"], Resource: "*" }),
      name: "metrics",
    },
    {
      ...rolePolicy({ Action: "ec2:Create*", Resource: "*", Condition: REGION }, "drs-pipeline-deploy-prod"),
      name: "deploy",
    },
  ],
  bad: {
    "everything readable": { set: { [`${AT}.Resource`]: "*" }, message: wide("s3:GetObject") },
    "one that could be limited among some that can't": {
      of: 1,
      set: { [`${AT}.Action`]: ["ec2:DescribeVolumes", "ec2:AttachVolume"] },
      message: wide("ec2:AttachVolume"),
    },
    "a deployer of any region": {
      of: 2,
      set: { [`${AT}.Condition`]: undefined },
      message: wide("ec2:Create*"),
    },
    "a machine that claims to be bound": {
      of: 2,
      set: { role: "drs-eu-west-1-tomcat" },
      message: wide("ec2:Create*"),
    },
  },
});

test("a family counts as unscoped only when all of it is", () => {
  expect(isUnscoped("ec2:DescribeInstances")).toBe(true);
  expect(isUnscoped("ec2:Describe*")).toBe(true);
  expect(isUnscoped("EC2:describevolumes")).toBe(true);
  expect(isUnscoped("ec2:*")).toBe(false);
  expect(isUnscoped("kms:List*")).toBe(false);
  expect(isUnscoped("*")).toBe(false);
});

const admin =
  "\n  the role could do everything in the account\n  → write a policy with the actions that are used";
describeRule(iam.iamNoAdministrators, {
  good: [
    {
      type: "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
      props: { role: "r", policyArn: "arn:aws:iam::aws:policy/SecurityAudit" },
    },
    { type: "aws:iam/role:Role", props: { managedPolicyArns: ["arn:aws:iam::aws:policy/ReadOnlyAccess"] } },
  ],
  bad: {
    "an administrator": {
      set: { policyArn: "arn:aws:iam::aws:policy/AdministratorAccess" },
      message: `policyArn = "arn:aws:iam::aws:policy/AdministratorAccess"${admin}`,
    },
    "a power user": {
      of: 1,
      set: { managedPolicyArns: ["arn:aws:iam::aws:policy/PowerUserAccess"] },
      message: `managedPolicyArns.0 = "arn:aws:iam::aws:policy/PowerUserAccess"${admin}`,
    },
  },
});

const escalates = (actions: string) =>
  `policy.It.Action = [${actions}]\n  a thief of the role gets another one, with other limits\n  → leave it to a person who deploys stack global`;
describeRule(iam.iamNoEscalation, {
  good: [
    rolePolicy({
      Action: ["iam:Get*", "iam:PutRolePolicy", "iam:PassRole"],
      Resource: "arn:aws:iam::1:role/a",
    }),
    { ...rolePolicy({ Effect: "Deny", Action: ["iam:*", "sts:AssumeRole"], Resource: "*" }), name: "denial" },
  ],
  bad: {
    "making roles": {
      set: { [`${AT}.Action`]: ["iam:Get*", "iam:Create*"] },
      message: escalates('"iam:Create*"'),
    },
    "changing whom a role trusts": {
      set: { [`${AT}.Action`]: "iam:UpdateAssumeRolePolicy" },
      message: escalates('"iam:UpdateAssumeRolePolicy"'),
    },
    "becoming another role": {
      set: { [`${AT}.Action`]: "sts:Assume*" },
      message: escalates('"sts:Assume*"'),
    },
  },
});

describeRule(iam.iamRolesBounded, {
  good: [
    {
      type: "aws:iam/role:Role",
      props: { permissionsBoundary: "arn:aws:iam::123456789012:policy/drs-boundary" },
    },
  ],
  bad: {
    "a role without": {
      set: { permissionsBoundary: undefined },
      message:
        "permissionsBoundary = (not set)\n  a mistake in one of its policies would have no limit\n  → set permissionsBoundary to the boundary of stack global",
    },
  },
});

const trust = (principal: unknown, condition?: unknown) => ({
  Statement: [
    { Sid: "Trust", Effect: "Allow", Principal: principal, Action: "sts:AssumeRole", Condition: condition },
  ],
});
const GITHUB = "token.actions.githubusercontent.com";
const strangers =
  "\n  workflows of any repository could assume this role\n  → add a condition on the issuer's :sub that names the repository";
describeRule(iam.iamTrustNamed, {
  good: [
    {
      type: "aws:iam/role:Role",
      props: { assumeRolePolicy: JSON.stringify(trust({ Service: "ec2.amazonaws.com" })) },
    },
    {
      type: "aws:iam/role:Role",
      name: "pipeline",
      props: {
        assumeRolePolicy: trust(
          { Federated: `arn:aws:iam::123456789012:oidc-provider/${GITHUB}` },
          {
            StringEquals: { [`${GITHUB}:repository_id`]: "456789" },
            StringLike: {
              [`${GITHUB}:sub`]: ["repo:acme/dr:ref:refs/heads/*", "repo:acme@*/dr@456789:pull_request"],
              [`${GITHUB}:job_workflow_ref`]: "acme/dr/.github/workflows/preview.yml@refs/heads/*",
            },
          },
        ),
      },
    },
  ],
  bad: {
    everybody: {
      set: { assumeRolePolicy: trust("*") },
      message:
        'assumeRolePolicy.Trust.Principal = ["*"]\n  anyone with an AWS account could assume this role\n  → name the service, role or identity provider',
    },
    "every AWS account": {
      set: { assumeRolePolicy: trust({ AWS: "*" }) },
      message:
        'assumeRolePolicy.Trust.Principal = ["AWS:*"]\n  anyone with an AWS account could assume this role\n  → name the service, role or identity provider',
    },
    "GitHub without a subject": {
      of: 1,
      set: { "assumeRolePolicy.Statement.0.Condition": undefined },
      message: `assumeRolePolicy.Trust.Condition = (not set)${strangers}`,
    },
    "all repositories of GitHub": {
      of: 1,
      set: { "assumeRolePolicy.Statement.0.Condition": { StringLike: { [`${GITHUB}:sub`]: "repo:*" } } },
      message: `assumeRolePolicy.Trust.Condition = ["repo:*"]${strangers}`,
    },
    "a later repository of the same name": {
      of: 1,
      set: { "assumeRolePolicy.Statement.0.Condition.StringEquals": undefined },
      message: `assumeRolePolicy.Trust.Condition = (not set)\n  a repository made under the same name after this one is gone could assume this role\n  → add the condition ${GITHUB}:repository_id, a number`,
    },
    "any workflow": {
      of: 1,
      set: {
        "assumeRolePolicy.Statement.0.Condition.StringLike": {
          [`${GITHUB}:sub`]: "repo:acme/dr:pull_request",
          [`${GITHUB}:job_workflow_ref`]: "acme/dr/.github/workflows/*",
        },
      },
      message: `assumeRolePolicy.Trust.Condition = ["acme/dr/.github/workflows/*"]\n  any workflow of the repository could assume this role\n  → add the condition ${GITHUB}:job_workflow_ref, with the workflow's file`,
    },
    "all repositories that begin alike": {
      of: 1,
      set: {
        "assumeRolePolicy.Statement.0.Condition": { StringLike: { [`${GITHUB}:sub`]: "repo:acme/dr*" } },
      },
      message: `assumeRolePolicy.Trust.Condition = ["repo:acme/dr*"]${strangers}`,
    },
  },
});

test("iam-no-users refuses users and access keys", () => {
  const samples = [
    { type: "aws:iam/role:Role", props: {} },
    { type: "aws:iam/user:User", name: "ci", props: {} },
    { type: "aws:iam/accessKey:AccessKey", name: "ci-key", props: {} },
  ];
  const rest =
    "\n  its credentials never expire, and end up in files\n  → use a role, assumed by a machine or through OIDC";
  expect(violationsOf(iam.iamNoUsers, samples)).toEqual([
    { name: "ci", message: `User = "ci"${rest}` },
    { name: "ci-key", message: `AccessKey = "ci-key"${rest}` },
  ]);
});

const strangersIn =
  "\n  anyone with an AWS account gets access\n  → name the principal, or restrict it by a condition such as aws:PrincipalAccount";
describeRule(resourcePoliciesNotPublic, {
  good: [
    {
      type: "aws:s3/bucketPolicy:BucketPolicy",
      props: {
        policy: {
          Statement: [{ Sid: "Tls", Effect: "Deny", Principal: "*", Action: "s3:*", Resource: "*" }],
        },
      },
    },
    {
      type: "aws:kms/key:Key",
      props: {
        policy: {
          Statement: [
            {
              Sid: "Use",
              Effect: "Allow",
              Principal: { AWS: "*" },
              Action: "kms:Decrypt",
              Resource: "*",
              Condition: { StringEquals: { "kms:CallerAccount": "123456789012" } },
            },
          ],
        },
      },
    },
    {
      type: "aws:sns/topicPolicy:TopicPolicy",
      props: {
        policy: {
          Statement: [
            {
              Sid: "Alarms",
              Effect: "Allow",
              Principal: { Service: "cloudwatch.amazonaws.com" },
              Action: "sns:Publish",
            },
          ],
        },
      },
    },
  ],
  bad: {
    "a public bucket": {
      set: { "policy.Statement.0.Effect": "Allow" },
      message: `policy.Tls.Principal = ["*"]${strangersIn}`,
    },
    "a key without its condition": {
      of: 1,
      set: { "policy.Statement.0.Condition": undefined },
      message: `policy.Use.Principal = ["AWS:*"]${strangersIn}`,
    },
    "a condition that ties nothing": {
      of: 1,
      set: { "policy.Statement.0.Condition": { StringEquals: { "kms:EncryptionContext:x": "y" } } },
      message: `policy.Use.Principal = ["AWS:*"]${strangersIn}`,
    },
    "a public topic": {
      of: 2,
      set: { "policy.Statement.0.Principal": "*" },
      message: `policy.Alarms.Principal = ["*"]${strangersIn}`,
    },
  },
});

const REPLICATES = ["s3:ObjectOwnerOverrideToBucketOwner", "s3:ReplicateObject", "s3:ReplicateTags"];
const neverDeletes = (actions: string) =>
  `policy = ${actions}\n  an attacker's delete would reach the copies, which are there to outlive it\n  → allow s3:ReplicateObject, s3:ReplicateTags and, for another account, s3:ObjectOwnerOverrideToBucketOwner`;

describeRule(iam.iamReplicationNeverDeletes, {
  good: [
    rolePolicy({ Action: REPLICATES, Resource: "arn:aws:s3:::copy/*" }, "drs-vault-a-to-b"),
    { ...rolePolicy({ Action: ["s3:DeleteObject"], Resource: "arn:aws:s3:::own/*" }), name: "node" },
  ],
  bad: {
    "deletions that are replicated": {
      set: { [`${AT}.Action`]: [...REPLICATES, "s3:ReplicateDelete"] },
      message: neverDeletes('["s3:ReplicateDelete"]'),
    },
    "a pattern that covers it": {
      set: { [`${AT}.Action`]: "s3:Replicate*" },
      message: neverDeletes('["s3:ReplicateDelete"]'),
    },
    "deletions of versions": {
      set: { [`${AT}.Action`]: ["s3:ReplicateObject", "s3:Delete*"] },
      message: neverDeletes('["s3:DeleteObject","s3:DeleteObjectVersion","s3:DeleteBucket"]'),
    },
  },
});
