/**
 * The ceilings over the project's roles, whatever their own policies say: one for machines and the services that act
 * for them, one for the pipeline. No Pulumi here.
 *
 * A boundary grants nothing. What its first statements leave out, no role below it can do; a resource's policy
 * that names a role's session gets around that, and around nothing that a denial names. So the denials repeat what must
 * never happen.
 *
 * A person deploys what guards the rest: roles, whom they trust, boundaries, keys and their policies, the claim table,
 * the trail and who may reach the vaults' buckets. The pipeline has no right to any of it.
 */
import type { Contract, RegionContract } from "../../settings/contract.js";
import { claimsStay, onlyStatusIsWritten } from "./claim-policies.js";
import { claimTableArns, everythingIn, type Statement } from "./policy-document.js";
import { transcriptsStay } from "./transcript-policies.js";
import { REPLICATE } from "./vault-replication-policy.js";
import { canaryStatements, watchBusStatements } from "./watch-policies.js";

export interface BoundaryArgs {
  readonly contract: Contract;
  /** Prefix of every name of the project. */
  readonly prefix: string;
  /** Whether regions build machine images. */
  readonly buildImages: boolean;
  /** WAR of the application: one in a bucket elsewhere is read there. */
  readonly war: string;
}

/** For machines and the services that act for them: what they use, and of data only the project's. */
export function machineBoundaryStatements(args: BoundaryArgs): Statement[] {
  const { contract, prefix, buildImages } = args;
  const { accountId, home, recovery } = contract;
  const regions = [home.region, recovery.region];
  return [
    {
      Sid: "RunInBothRegions",
      Effect: "Allow",
      Action: [
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:SetDesiredCapacity",
        "backup:CopyIntoBackupVault",
        "backup:DescribeBackupVault",
        "cloudwatch:PutMetricData",
        "ec2:AttachVolume",
        "ec2:CopySnapshot",
        "ec2:CreateSnapshot",
        "ec2:CreateTags",
        "ec2:CreateVolume",
        "ec2:DeleteSnapshot",
        "ec2:Describe*",
        "logs:CreateLogStream",
        "logs:DescribeLog*",
        "logs:PutLogEvents",
        "ssm:UpdateInstanceInformation",
        "ssmmessages:*",
        "tag:GetResources",
        ...(buildImages ? ["ec2messages:*", "imagebuilder:GetComponent", "logs:CreateLogGroup"] : []),
      ],
      Resource: "*",
      Condition: { StringEquals: { "aws:RequestedRegion": regions } },
    },
    {
      Sid: "OwnSecretsAndParameters",
      Effect: "Allow",
      Action: ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "ssm:GetParameter"],
      Resource: [
        `arn:aws:secretsmanager:*:${accountId}:secret:${prefix}/*`,
        `arn:aws:ssm:*:${accountId}:parameter/${prefix}/*`,
      ],
    },
    {
      // Keys have ids that AWS chooses. Their own policies say through which service they are open.
      Sid: "UseKeysThroughServices",
      Effect: "Allow",
      Action: ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
      Resource: "*",
      Condition: { StringLike: { "kms:ViaService": ["ec2.*", "s3.*", "secretsmanager.*"] } },
    },
    {
      // The nodes' check of the vaults. It tells no data.
      Sid: "SeeKeys",
      Effect: "Allow",
      Action: "kms:DescribeKey",
      Resource: `arn:aws:kms:*:${accountId}:key/*`,
    },
    {
      Sid: "GrantKeysToVolumes",
      Effect: "Allow",
      Action: "kms:CreateGrant",
      Resource: "*",
      Condition: {
        StringLike: { "kms:ViaService": "ec2.*" },
        Bool: { "kms:GrantIsForAWSResource": "true" },
      },
    },
    {
      Sid: "OwnObjects",
      Effect: "Allow",
      Action: [
        "s3:AbortMultipartUpload",
        "s3:DeleteObject",
        "s3:Get*",
        "s3:List*",
        "s3:PutObject",
        "s3:ReplicateObject",
        "s3:ReplicateTags",
      ],
      Resource: [
        ...[home, recovery].flatMap(({ vaultBucket, artifactBucket }) =>
          [vaultBucket, artifactBucket].flatMap(everythingIn),
        ),
        ...foreignObjects(args),
      ],
    },
    ...copies(contract),
    {
      Sid: "ClaimsAndStatus",
      Effect: "Allow",
      Action: ["dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:Query"],
      Resource: claimTableArns(contract),
    },
    ...canaryStatements(contract),
    ...(contract.copy ? watchBusStatements(contract.copy) : []),
    onlyStatusIsWritten(contract),
    ...neverForAnyRole(contract),
  ];
}

/** What copying to another account takes: nothing there can be read, and the trail here can't be written. */
const copies = ({ copy, auditBucket }: Contract): Statement[] =>
  copy
    ? [
        {
          Sid: "TrailIsCopied",
          Effect: "Allow",
          Action: ["s3:GetObject*", "s3:GetReplicationConfiguration", "s3:ListBucket"],
          Resource: everythingIn(auditBucket),
        },
        {
          Sid: "CopiesInTheOtherAccount",
          Effect: "Allow",
          Action: REPLICATE,
          Resource: [copy.vaultBucket, copy.auditBucket].map((bucket) => `arn:aws:s3:::${bucket}/*`),
        },
      ]
    : [];

/** Objects that aren't the project's: a WAR elsewhere, Image Builder's own program. */
const foreignObjects = ({ contract, war, buildImages }: BoundaryArgs): string[] => [
  ...(war.startsWith("s3://") ? [`arn:aws:s3:::${war.slice("s3://".length)}`] : []),
  ...(buildImages ? [imageBuildersProgram(contract.home), imageBuildersProgram(contract.recovery)] : []),
];

/** The program that runs components comes from AWS's own bucket. */
export const imageBuildersProgram = ({ region }: Pick<RegionContract, "region">): string =>
  `arn:aws:s3:::ec2imagebuilder-toe-${region}-prod/*`;

/** Roles and instance profiles of machines: the pipeline may change their policies and hand them on. */
export const machineArns = (
  { accountId, copy, home, recovery }: Contract,
  prefix: string,
  kind: "role" | "instance-profile",
): string[] =>
  [
    home.region,
    recovery.region,
    `vault-${home.region}`,
    `vault-${recovery.region}`,
    ...(copy ? ["audit"] : []),
  ].map((part) => `arn:aws:iam::${accountId}:${kind}/${prefix}-${part}-*`);

export const boundaryArn = ({ accountId }: Contract, name: string): string =>
  `arn:aws:iam::${accountId}:policy/${name}`;

/**
 * To declare a secret, and neither read nor replace what it contains. UpdateSecret isn't among these: it takes a value,
 * too. So a person changes a secret's description or key.
 */
export const DECLARE_SECRETS = [
  "secretsmanager:CreateSecret",
  "secretsmanager:DescribeSecret",
  "secretsmanager:GetResourcePolicy",
  "secretsmanager:RemoveRegionsFromReplication",
  "secretsmanager:ReplicateSecretToRegions",
  "secretsmanager:TagResource",
  "secretsmanager:UntagResource",
];

/** The list of versions takes the place of a read of the value. */
export const FILL_THE_DECOY = ["secretsmanager:ListSecretVersionIds", "secretsmanager:PutSecretValue"];

export const decoyArn = ({ accountId, decoySecret }: Contract): string =>
  `arn:aws:secretsmanager:*:${accountId}:secret:${decoySecret}-??????`;

/** For the pipeline: it builds what the project is made of, and can't become, make or change another identity. */
export function pipelineBoundaryStatements({ contract, prefix, buildImages }: BoundaryArgs): Statement[] {
  const { accountId, home, recovery } = contract;
  const guarded = [home.vaultBucket, recovery.vaultBucket, contract.auditBucket];
  return [
    {
      Sid: "BuildWithTheseServices",
      Effect: "Allow",
      Action: [
        ...["acm", "autoscaling", "backup", "backup-storage", "cloudwatch", "ec2", "elasticloadbalancing"],
        ...["events", "logs", "route53", "s3", "scheduler", "sns"],
        ...(buildImages ? ["imagebuilder"] : []),
      ].map((service) => `${service}:*`),
      Resource: "*",
    },
    {
      // Of these services a part. The state and its key, whose names no setting has, are among their resources.
      Sid: "BuildWithTheseActions",
      Effect: "Allow",
      Action: [
        "cloudtrail:AddTags",
        "cloudtrail:Describe*",
        "cloudtrail:Get*",
        "cloudtrail:List*",
        "cloudtrail:RemoveTags",
        "cloudtrail:StartLogging",
        "dynamodb:Describe*",
        "dynamodb:GetItem",
        "dynamodb:List*",
        "dynamodb:PutItem",
        "dynamodb:TagResource",
        "dynamodb:UntagResource",
        "iam:Get*",
        "iam:List*",
        "kms:*Alias",
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:Describe*",
        "kms:EnableKey*",
        "kms:Encrypt",
        "kms:GenerateDataKey*",
        "kms:Get*",
        "kms:List*",
        "kms:ReEncrypt*",
        "kms:RetireGrant",
        "kms:TagResource",
        "kms:UntagResource",
        "kms:UpdateKeyDescription",
        "ssm:AddTagsToResource",
        "ssm:Describe*",
        "ssm:Get*",
        "ssm:List*",
        "ssm:PutParameter",
        "ssm:RemoveTagsFromResource",
      ],
      Resource: "*",
    },
    {
      Sid: "OwnDocuments",
      Effect: "Allow",
      Action: ["ssm:CreateDocument", "ssm:DeleteDocument", "ssm:UpdateDocument*"],
      Resource: `arn:aws:ssm:*:${accountId}:document/${contract.operatorDocumentPrefix}*`,
    },
    {
      Sid: "DeclareOwnSecrets",
      Effect: "Allow",
      Action: DECLARE_SECRETS,
      Resource: `arn:aws:secretsmanager:*:${accountId}:secret:${prefix}/*`,
    },
    {
      // The decoy's value comes from Pulumi.
      Sid: "FillTheDecoy",
      Effect: "Allow",
      Action: FILL_THE_DECOY,
      Resource: decoyArn(contract),
    },
    {
      // Of machines below their own boundary, which no policy lifts. Whom a role trusts isn't here: a role that may
      // change that, or make the role again, becomes it.
      Sid: "PoliciesOfMachines",
      Effect: "Allow",
      Action: ["iam:DeleteRolePolicy", "iam:PutRolePolicy"],
      Resource: machineArns(contract, prefix, "role"),
      Condition: {
        StringEquals: { "iam:PermissionsBoundary": boundaryArn(contract, contract.machineBoundary) },
      },
    },
    {
      // No right hangs on a tag of a role.
      Sid: "TagsOfRoles",
      Effect: "Allow",
      Action: ["iam:Tag*", "iam:Untag*"],
      Resource: ["role", "instance-profile"].map((kind) => `arn:aws:iam::${accountId}:${kind}/${prefix}-*`),
    },
    {
      // No function and no container gets one. S3 may leave out the service; its roles trust S3 alone.
      Sid: "HandRolesToTheirServices",
      Effect: "Allow",
      Action: "iam:PassRole",
      Resource: [
        ...machineArns(contract, prefix, "role"),
        `arn:aws:iam::${accountId}:role/${prefix}-watch-*`,
      ],
      Condition: {
        StringEqualsIfExists: {
          "iam:PassedToService": [
            "backup.amazonaws.com",
            "ec2.amazonaws.com",
            "events.amazonaws.com",
            ...(buildImages ? ["imagebuilder.amazonaws.com"] : []),
            "s3.amazonaws.com",
            "scheduler.amazonaws.com",
            "vpc-flow-logs.amazonaws.com",
          ],
        },
      },
    },
    {
      Sid: "FirstUseOfServices",
      Effect: "Allow",
      Action: "iam:CreateServiceLinkedRole",
      Resource: `arn:aws:iam::${accountId}:role/aws-service-role/*`,
    },
    {
      // Settings of these buckets only. An own bucket policy could let a session read what its role may not.
      Sid: "NoObjectOfVaultsOrTrail",
      Effect: "Deny",
      Action: "s3:*",
      Resource: guarded.map((bucket) => `arn:aws:s3:::${bucket}/*`),
    },
    {
      Sid: "VaultsAndTrailStayClosed",
      Effect: "Deny",
      Action: ["s3:DeleteBucketPolicy", "s3:PutBucketAcl", "s3:PutBucketPolicy"],
      Resource: guarded.map((bucket) => `arn:aws:s3:::${bucket}`),
    },
    {
      // No deployment needs these. A person removes a rule, and that pages. Topics are named by Pulumi.
      Sid: "WatchStays",
      Effect: "Deny",
      Action: [
        "cloudwatch:DisableAlarmActions",
        "cloudwatch:SetAlarmState",
        "events:DeleteRule",
        "events:DisableRule",
        "events:RemoveTargets",
        "scheduler:DeleteSchedule",
        "sns:AddPermission",
        "sns:DeleteTopic",
        "sns:RemovePermission",
      ],
      Resource: [
        `arn:aws:events:*:${accountId}:rule/${prefix}-*watch-*`,
        `arn:aws:scheduler:*:${accountId}:schedule/*/${prefix}-*watch-*`,
        `arn:aws:cloudwatch:*:${accountId}:alarm:${prefix}-*`,
        `arn:aws:sns:*:${accountId}:*-topics-page-*`,
      ],
    },
    transcriptsStay(contract),
    ...neverForAnyRole(contract),
  ];
}

/** Denied to machines and pipeline alike. */
const neverForAnyRole = (contract: Contract): Statement[] => [
  {
    // A role elsewhere could trust this one by name.
    Sid: "NoOtherRole",
    Effect: "Deny",
    Action: "sts:AssumeRole*",
    Resource: "*",
  },
  {
    Sid: "NobodyReadsTheDecoy",
    Effect: "Deny",
    Action: "secretsmanager:GetSecretValue",
    Resource: decoyArn(contract),
  },
  {
    Sid: "BackupsAndAuditStay",
    Effect: "Deny",
    Action: [
      "s3:BypassGovernanceRetention",
      "s3:DeleteBucket",
      "s3:DeleteObjectVersion",
      "s3:PutObjectLegalHold",
      "s3:PutObjectRetention",
    ],
    Resource: [contract.home.vaultBucket, contract.recovery.vaultBucket, contract.auditBucket].flatMap(
      everythingIn,
    ),
  },
  {
    Sid: "RecoveryPointsStay",
    Effect: "Deny",
    Action: [
      "backup:DeleteBackupVault*",
      "backup:DeleteRecoveryPoint",
      "backup:PutBackupVaultAccessPolicy",
      "backup:UpdateRecoveryPointLifecycle",
    ],
    Resource: "*",
  },
  {
    Sid: "KeysStay",
    Effect: "Deny",
    Action: ["kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"],
    Resource: "*",
  },
  claimsStay(contract),
];
