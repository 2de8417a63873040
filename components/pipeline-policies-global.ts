/** What the pipeline may do for stack `global`. No Pulumi here. */
import { posix } from "node:path";
import type { Contract } from "../stacks/contract.js";
import { OBSERVABILITY, type PipelineIds } from "./pipeline-policies.js";
import type { Statement } from "./policy-document.js";

/** Stack `global`. Roles can be made with the boundary only; the boundary itself sees to that. */
export function deployGlobalStatements(
  contract: Contract,
  prefix: string,
  { zoneId, dataKeyArns }: PipelineIds,
): Statement[] {
  const { accountId, home, recovery, auditBucket, secrets } = contract;
  const buckets = [
    home.vaultBucket,
    recovery.vaultBucket,
    home.runbookBucket,
    recovery.runbookBucket,
    auditBucket,
  ];
  const secretPrefixes = [...new Set(Object.values(secrets).map((name) => posix.dirname(name)))];
  return [
    {
      Sid: "OwnRolesAndPolicies",
      Effect: "Allow",
      Action: [
        "iam:AddRoleToInstanceProfile",
        "iam:AttachRolePolicy",
        "iam:Create*",
        "iam:DeleteInstanceProfile",
        "iam:DeleteRole",
        "iam:DeleteRolePolicy",
        "iam:DetachRolePolicy",
        "iam:Get*",
        "iam:List*",
        "iam:PassRole",
        "iam:PutRolePermissionsBoundary",
        "iam:PutRolePolicy",
        "iam:RemoveRoleFromInstanceProfile",
        "iam:Tag*",
        "iam:Untag*",
        "iam:UpdateAssumeRolePolicy",
        "iam:UpdateRole",
      ],
      Resource: ["role", "instance-profile", "policy"].map(
        (kind) => `arn:aws:iam::${accountId}:${kind}/${prefix}-*`,
      ),
    },
    {
      Sid: "ReadThePipelinesProvider",
      Effect: "Allow",
      Action: ["iam:GetOpenIDConnectProvider", "iam:ListOpenIDConnectProviderTags"],
      Resource: `arn:aws:iam::${accountId}:oidc-provider/token.actions.githubusercontent.com`,
    },
    {
      Sid: "OwnBuckets",
      Effect: "Allow",
      Action: [
        "s3:CreateBucket",
        "s3:Get*",
        "s3:List*",
        "s3:Put*",
        "s3:DeleteObject",
        "s3:DeleteBucketPolicy",
      ],
      Resource: buckets.flatMap((bucket) => [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`]),
    },
    {
      Sid: "ManageKeys",
      Effect: "Allow",
      Action: [
        "kms:CreateAlias",
        "kms:CreateKey",
        "kms:DeleteAlias",
        "kms:Describe*",
        "kms:Enable*",
        "kms:Get*",
        "kms:List*",
        "kms:PutKeyPolicy",
        "kms:ReplicateKey",
        "kms:TagResource",
        "kms:UntagResource",
        "kms:UpdateAlias",
        "kms:UpdateKeyDescription",
      ],
      // Keys are made under ids that KMS chooses; ListAliases and CreateKey know no resource.
      Resource: "*",
    },
    {
      Sid: "UseKeysThroughTheirServices",
      Effect: "Allow",
      Action: ["kms:Decrypt", "kms:GenerateDataKey*"],
      Resource: `arn:aws:kms:*:${accountId}:key/*`,
      Condition: {
        StringLike: { "kms:ViaService": ["s3.*.amazonaws.com", "secretsmanager.*.amazonaws.com"] },
      },
    },
    {
      Sid: "EncryptSecrets",
      Effect: "Allow",
      Action: ["kms:Encrypt", "kms:DescribeKey"],
      Resource: [dataKeyArns.home, dataKeyArns.recovery],
      Condition: { StringLike: { "kms:ViaService": "secretsmanager.*.amazonaws.com" } },
    },
    {
      Sid: "OwnSecrets",
      Effect: "Allow",
      Action: [
        "secretsmanager:CreateSecret",
        "secretsmanager:Describe*",
        "secretsmanager:Get*",
        "secretsmanager:PutSecretValue",
        "secretsmanager:RemoveRegionsFromReplication",
        "secretsmanager:ReplicateSecretToRegions",
        "secretsmanager:TagResource",
        "secretsmanager:UntagResource",
        "secretsmanager:UpdateSecret",
      ],
      Resource: secretPrefixes.map((path) => `arn:aws:secretsmanager:*:${accountId}:secret:${path}/*`),
    },
    {
      Sid: "OwnClaimTable",
      Effect: "Allow",
      Action: [
        "dynamodb:CreateGlobalTableWitness",
        "dynamodb:CreateTable",
        "dynamodb:CreateTableReplica",
        "dynamodb:Describe*",
        "dynamodb:List*",
        "dynamodb:TagResource",
        "dynamodb:UntagResource",
        "dynamodb:UpdateContinuousBackups",
        "dynamodb:UpdateTable",
        // AWS asks these of whoever adds a replica; the boundary forbids DeleteItem, the role has no claims
        // to write.
        "dynamodb:BatchWriteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:Scan",
        "dynamodb:UpdateItem",
      ],
      // The third region is the witness's.
      Resource: [
        `arn:aws:dynamodb:*:${accountId}:table/${contract.claimTable}`,
        `arn:aws:dynamodb:*:${accountId}:table/${contract.claimTable}/*`,
      ],
    },
    {
      Sid: "OwnZone",
      Effect: "Allow",
      Action: ["route53:Change*", "route53:Get*", "route53:List*"],
      Resource: [`arn:aws:route53:::hostedzone/${zoneId}`, "arn:aws:route53:::change/*"],
    },
    {
      // Health checks and certificates are made under ids that AWS chooses, topics and alarms in us-east-1.
      Sid: "HealthChecksCertificatesAlarmsTrail",
      Effect: "Allow",
      Action: [
        "acm:AddTagsToCertificate",
        "acm:DescribeCertificate",
        "acm:ListTagsForCertificate",
        "acm:RequestCertificate",
        "cloudtrail:AddTags",
        "cloudtrail:CreateTrail",
        "cloudtrail:Describe*",
        "cloudtrail:Get*",
        "cloudtrail:List*",
        "cloudtrail:PutEventSelectors",
        "cloudtrail:StartLogging",
        "cloudtrail:UpdateTrail",
        "route53:ChangeTagsForResource",
        "route53:CreateHealthCheck",
        "route53:GetHealthCheck",
        "route53:ListTagsForResource",
        "route53:UpdateHealthCheck",
        ...OBSERVABILITY,
      ],
      Resource: "*",
    },
    {
      Sid: "PublishHandoff",
      Effect: "Allow",
      Action: [
        "ssm:AddTagsToResource",
        "ssm:GetParameter",
        "ssm:GetParameters",
        "ssm:ListTagsForResource",
        "ssm:PutParameter",
      ],
      Resource: [home, recovery].map(
        ({ region }) => `arn:aws:ssm:${region}:${accountId}:parameter${contract.handoffParameter}`,
      ),
    },
    {
      // DescribeParameters knows no resource.
      Sid: "FindHandoff",
      Effect: "Allow",
      Action: "ssm:DescribeParameters",
      Resource: "*",
    },
  ];
}
