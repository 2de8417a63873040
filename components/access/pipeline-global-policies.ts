/** What the pipeline may do for stack `global`. No Pulumi here. */
import { posix } from "node:path";
import { type Contract, HEALTH_METRICS_REGION } from "../../settings/contract.js";
import { DECLARE_SECRETS, decoyArn, FILL_THE_DECOY, machineArns } from "./boundary-policies.js";
import { ALARMS_AND_TOPICS, type PipelineIds, watchStatements } from "./pipeline-region-policies.js";
import type { Statement } from "./policy-document.js";
import { deployVolumeVaultStatements } from "./volume-backup-policies.js";

export interface GlobalNames {
  /** Prefix of every name, and value of the tag `project` on everything that takes tags. */
  readonly prefix: string;
  readonly trailArn: string;
}

/**
 * Stack `global`, but for what guards the rest, which a person deploys: roles and whom they trust, boundaries, keys and
 * their policies, the claim table, the trail. `boundary-policies.ts` keeps a stolen deploy role to that.
 */
export function deployGlobalStatements(
  contract: Contract,
  names: GlobalNames,
  { zoneId, dataKeyArns }: PipelineIds,
): Statement[] {
  const { accountId, home, recovery, auditBucket, secrets } = contract;
  const { prefix } = names;
  const runbookBuckets = [home.runbookBucket, recovery.runbookBucket];
  const artifactBuckets = [home.artifactBucket, recovery.artifactBucket];
  const buckets = [
    home.vaultBucket,
    recovery.vaultBucket,
    ...runbookBuckets,
    ...artifactBuckets,
    auditBucket,
  ];
  const secretPrefixes = [
    ...new Set([...Object.values(secrets), contract.decoySecret].map((name) => posix.dirname(name))),
  ];
  return [
    {
      Sid: "ReadRolesAndPolicies",
      Effect: "Allow",
      Action: ["iam:Get*", "iam:List*"],
      Resource: ["role", "instance-profile", "policy"].map(
        (kind) => `arn:aws:iam::${accountId}:${kind}/${prefix}-*`,
      ),
    },
    {
      Sid: "PoliciesOfMachines",
      Effect: "Allow",
      Action: ["iam:DeleteRolePolicy", "iam:PutRolePolicy", "iam:TagRole", "iam:UntagRole"],
      Resource: machineArns(contract, prefix, "role"),
    },
    {
      Sid: "TagsOfProfiles",
      Effect: "Allow",
      Action: ["iam:TagInstanceProfile", "iam:UntagInstanceProfile"],
      Resource: machineArns(contract, prefix, "instance-profile"),
    },
    {
      Sid: "HandRolesToReplication",
      Effect: "Allow",
      Action: "iam:PassRole",
      // These roles trust S3 alone.
      Resource: [
        ...[home, recovery].map(({ region }) => `${prefix}-vault-${region}-*`),
        ...(contract.copy ? [contract.auditReplicationRole] : []),
      ].map((role) => `arn:aws:iam::${accountId}:role/${role}`),
    },
    {
      Sid: "ReadThePipelinesProvider",
      Effect: "Allow",
      Action: ["iam:GetOpenIDConnectProvider", "iam:ListOpenIDConnectProviderTags"],
      Resource: `arn:aws:iam::${accountId}:oidc-provider/token.actions.githubusercontent.com`,
    },
    {
      // Of vaults and trail the settings only: no object of theirs can be read, hidden or replaced with this.
      Sid: "OwnBuckets",
      Effect: "Allow",
      Action: ["s3:CreateBucket", "s3:Get*", "s3:List*", "s3:Put*"],
      Resource: buckets.map((bucket) => `arn:aws:s3:::${bucket}`),
    },
    {
      Sid: "OwnRunbooks",
      Effect: "Allow",
      Action: ["s3:DeleteObject", "s3:GetObject*", "s3:PutObject", "s3:PutObjectTagging"],
      Resource: runbookBuckets.map((bucket) => `arn:aws:s3:::${bucket}/*`),
    },
    ...keyStatements(contract, prefix),
    ...deployVolumeVaultStatements(contract, [dataKeyArns.home, dataKeyArns.recovery]),
    {
      Sid: "EncryptSecrets",
      Effect: "Allow",
      Action: ["kms:Encrypt", "kms:DescribeKey"],
      Resource: [dataKeyArns.home, dataKeyArns.recovery],
      Condition: { StringLike: { "kms:ViaService": "secretsmanager.*.amazonaws.com" } },
    },
    {
      Sid: "DeclareSecrets",
      Effect: "Allow",
      Action: DECLARE_SECRETS,
      Resource: [
        ...secretPrefixes.map((path) => `arn:aws:secretsmanager:*:${accountId}:secret:${path}/*`),
        ...[home, recovery].map(
          ({ region }) =>
            `arn:aws:secretsmanager:${region}:${accountId}:secret:${contract.certificateSecret("*")}`,
        ),
      ],
    },
    {
      Sid: "FillTheDecoy",
      Effect: "Allow",
      Action: FILL_THE_DECOY,
      Resource: decoyArn(contract),
    },
    {
      Sid: "SeeTheClaimTable",
      Effect: "Allow",
      Action: ["dynamodb:Describe*", "dynamodb:List*", "dynamodb:TagResource", "dynamodb:UntagResource"],
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
      Sid: "OwnTrail",
      Effect: "Allow",
      Action: [
        "cloudtrail:AddTags",
        "cloudtrail:Get*",
        "cloudtrail:ListTags",
        "cloudtrail:RemoveTags",
        "cloudtrail:StartLogging",
      ],
      Resource: names.trailArn,
    },
    {
      Sid: "ManageHealthChecks",
      Effect: "Allow",
      Action: [
        "route53:ChangeTagsForResource",
        "route53:GetHealthCheck",
        "route53:ListTagsForResource",
        "route53:UpdateHealthCheck",
      ],
      Resource: "arn:aws:route53:::healthcheck/*",
    },
    {
      Sid: "ManageCertificates",
      Effect: "Allow",
      Action: [
        "acm:AddTagsToCertificate",
        "acm:DescribeCertificate",
        "acm:ListTagsForCertificate",
        "acm:RemoveTagsFromCertificate",
      ],
      Resource: [home, recovery].map(({ region }) => `arn:aws:acm:${region}:${accountId}:certificate/*`),
    },
    {
      // AWS chooses the ids of what is made here, and takes no narrower resource.
      Sid: "MakeHealthChecksAndCertificates",
      Effect: "Allow",
      Action: ["acm:RequestCertificate", "cloudtrail:DescribeTrails", "route53:CreateHealthCheck"],
      Resource: "*",
    },
    {
      Sid: "AlarmsOnHealthChecks",
      Effect: "Allow",
      Action: ALARMS_AND_TOPICS,
      Resource: "*",
      Condition: { StringEquals: { "aws:RequestedRegion": HEALTH_METRICS_REGION } },
    },
    ...watchStatements(contract, HEALTH_METRICS_REGION),
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
      // A person makes and changes both.
      Sid: "SeeHowPeopleOpenShells",
      Effect: "Allow",
      Action: [
        "logs:DescribeLogGroups",
        "logs:ListTagsForResource",
        "ssm:DescribeDocument",
        "ssm:DescribeDocumentPermission",
        "ssm:GetDocument",
        "ssm:ListTagsForResource",
      ],
      Resource: [home, recovery].flatMap(({ region }) => [
        `arn:aws:logs:${region}:${accountId}:log-group:*`,
        `arn:aws:ssm:${region}:${accountId}:document/${contract.shellDocument}`,
      ]),
    },
    {
      // For `dr bootstrap escrow --check`. Only a person who has opened the escrow writes it.
      Sid: "ReadTheEscrowsRecord",
      Effect: "Allow",
      Action: "ssm:GetParameter",
      Resource: [home, recovery].map(
        ({ region }) => `arn:aws:ssm:${region}:${accountId}:parameter${contract.escrowParameter}`,
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

/**
 * KMS chooses the ids of keys. The project's tag, which every key gets at its creation, marks the project's
 * keys. A person makes keys and changes their policies.
 */
function keyStatements({ accountId, home, recovery }: Contract, prefix: string): Statement[] {
  const regions = [...new Set([home.region, recovery.region, HEALTH_METRICS_REGION])];
  const inEach = (resource: string) =>
    regions.map((region) => `arn:aws:kms:${region}:${accountId}:${resource}`);
  const ofThisProject = { StringEquals: { "aws:ResourceTag/project": prefix } };
  return [
    {
      Sid: "FindKeys",
      Effect: "Allow",
      Action: "kms:ListAliases",
      Resource: "*",
      Condition: { StringEquals: { "aws:RequestedRegion": regions } },
    },
    {
      Sid: "ManageOwnKeys",
      Effect: "Allow",
      Action: [
        "kms:CreateAlias",
        "kms:DeleteAlias",
        "kms:DescribeKey",
        "kms:EnableKey",
        "kms:EnableKeyRotation",
        "kms:Get*",
        "kms:List*",
        "kms:TagResource",
        "kms:UntagResource",
        "kms:UpdateAlias",
        "kms:UpdateKeyDescription",
      ],
      Resource: inEach("key/*"),
      Condition: ofThisProject,
    },
    {
      // KMS asks for both, the key and the alias; an alias has no tags.
      Sid: "OwnAliases",
      Effect: "Allow",
      Action: ["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"],
      Resource: inEach(`alias/${prefix}-*`),
    },
    {
      Sid: "UseKeysThroughTheirServices",
      Effect: "Allow",
      Action: ["kms:Decrypt", "kms:GenerateDataKey*"],
      Resource: inEach("key/*"),
      Condition: {
        ...ofThisProject,
        StringLike: { "kms:ViaService": ["s3.*.amazonaws.com", "secretsmanager.*.amazonaws.com"] },
      },
    },
  ];
}
