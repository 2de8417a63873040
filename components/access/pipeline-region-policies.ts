/**
 * What the pipeline's roles may do, per stack. No Pulumi here.
 *
 * A deployer makes what doesn't exist yet, under ids that AWS chooses. So where a service names resources by
 * such ids (EC2, load balancers, alarms), the statement says `*` and is limited by region and, everywhere, by
 * the permission boundary. Where names are ours, they are named.
 */
import { posix } from "node:path";
import type { Contract } from "../../settings/contract.js";
import type { RegionId } from "../../settings/stacks.js";
import { claimForRegion } from "./claim-policies.js";
import { everythingIn, type Statement } from "./policy-document.js";
import { deployVolumeBackupStatements, volumeBackupRuleArn } from "./volume-backup-policies.js";

/** What AWS assigns and policies name. */
export interface PipelineIds {
  readonly zoneId: string;
  readonly dataKeyArns: Readonly<Record<RegionId, string>>;
  readonly backupsKeyArns: Readonly<Record<RegionId, string>>;
}

/**
 * Previews compare with the state and read the handoff; configuration beyond that comes from AWS's
 * SecurityAudit policy, which reads settings, never data. Code of a pull request runs with this, so data is
 * denied on top.
 */
export function previewStatements({ home, recovery, accountId, handoffParameter }: Contract): Statement[] {
  return [
    {
      Sid: "ReadHandoff",
      Effect: "Allow",
      Action: "ssm:GetParameter",
      Resource: [home, recovery].map(
        ({ region }) => `arn:aws:ssm:${region}:${accountId}:parameter${handoffParameter}`,
      ),
    },
    {
      Sid: "NoData",
      Effect: "Deny",
      Action: [
        "dynamodb:GetItem",
        "dynamodb:Query",
        "dynamodb:Scan",
        "kms:Decrypt",
        "s3:GetObject",
        "s3:GetObjectVersion",
        "secretsmanager:GetSecretValue",
      ],
      Resource: "*",
      // Stack state and its secrets key live in the witness region; a preview needs them.
      Condition: { StringEquals: { "aws:RequestedRegion": [home.region, recovery.region] } },
    },
  ];
}

/**
 * A region's stack: its own region, its own name in DNS, its own claims and overrides. No IAM rights except passing existing roles.
 */
export function deployRegionStatements(
  contract: Contract,
  id: RegionId,
  { zoneId, dataKeyArns, backupsKeyArns }: PipelineIds,
): Statement[] {
  const { accountId, handoffParameter } = contract;
  const own = contract[id];
  const { region } = own;
  const roleArns = (names: readonly string[]) =>
    names.map((name) => `arn:aws:iam::${accountId}:role/${name}`);
  return [
    {
      Sid: "BuildInOwnRegion",
      Effect: "Allow",
      Action: [...NETWORK_AND_MACHINES, ...LOAD_BALANCERS, ...ALARMS_AND_TOPICS, ...LOG_GROUPS],
      Resource: "*",
      Condition: { StringEquals: { "aws:RequestedRegion": region } },
    },
    {
      Sid: "ReadHandoffAndImages",
      Effect: "Allow",
      Action: ["ssm:GetParameter", "ssm:GetParameters"],
      Resource: [
        // The handoff, and parameters that name images.
        `arn:aws:ssm:${region}:${accountId}:parameter${posix.dirname(handoffParameter)}/*`,
        `arn:aws:ssm:${region}::parameter/aws/service/*`,
      ],
    },
    {
      Sid: "PublishClusterSettings",
      Effect: "Allow",
      Action: [
        "ssm:AddTagsToResource",
        "ssm:ListTagsForResource",
        "ssm:PutParameter",
        "ssm:RemoveTagsFromResource",
      ],
      Resource: `arn:aws:ssm:${region}:${accountId}:parameter${own.clusterParameter}`,
    },
    {
      // No SendCommand: the pipeline writes commands and runs none.
      Sid: "OperatorsCommands",
      Effect: "Allow",
      Action: [
        "ssm:AddTagsToResource",
        "ssm:CreateDocument",
        "ssm:DeleteDocument",
        "ssm:DescribeDocument",
        "ssm:DescribeDocumentPermission",
        "ssm:GetDocument",
        "ssm:ListTagsForResource",
        "ssm:RemoveTagsFromResource",
        "ssm:UpdateDocument",
        "ssm:UpdateDocumentDefaultVersion",
      ],
      Resource: `arn:aws:ssm:${region}:${accountId}:document/${contract.operatorDocumentPrefix}*`,
    },
    {
      // DescribeParameters knows no resource.
      Sid: "FindParameters",
      Effect: "Allow",
      Action: "ssm:DescribeParameters",
      Resource: "*",
      Condition: { StringEquals: { "aws:RequestedRegion": region } },
    },
    {
      Sid: "UploadApplication",
      Effect: "Allow",
      Action: ["s3:GetObject", "s3:GetObjectTagging", "s3:ListBucket", "s3:PutObject", "s3:PutObjectTagging"],
      Resource: everythingIn(own.artifactBucket),
    },
    {
      Sid: "EncryptApplication",
      Effect: "Allow",
      Action: ["kms:Decrypt", "kms:GenerateDataKey"],
      Resource: backupsKeyArns[id],
      Condition: {
        StringEquals: {
          "kms:ViaService": `s3.${region}.amazonaws.com`,
          "kms:EncryptionContext:aws:s3:arn": `arn:aws:s3:::${own.artifactBucket}`,
        },
      },
    },
    ...claimForRegion(contract, own),
    {
      Sid: "OwnNameInDns",
      Effect: "Allow",
      Action: "route53:ChangeResourceRecordSets",
      Resource: `arn:aws:route53:::hostedzone/${zoneId}`,
      Condition: {
        "ForAllValues:StringEquals": {
          "route53:ChangeResourceRecordSetsNormalizedRecordNames": [own.hostname],
        },
      },
    },
    {
      Sid: "ReadDns",
      Effect: "Allow",
      Action: ["route53:GetChange", "route53:GetHostedZone", "route53:ListResourceRecordSets"],
      Resource: [`arn:aws:route53:::hostedzone/${zoneId}`, "arn:aws:route53:::change/*"],
    },
    {
      Sid: "HandRolesToMachines",
      Effect: "Allow",
      Action: "iam:PassRole",
      Resource: roleArns([own.databaseRole, own.tomcatRole, own.restoreRole]),
      Condition: { StringEquals: { "iam:PassedToService": "ec2.amazonaws.com" } },
    },
    ...deployVolumeBackupStatements(contract, own),
    {
      Sid: "RemoveTheRuleOfVolumeBackups",
      Effect: "Allow",
      Action: ["events:DeleteRule", "events:RemoveTargets"],
      Resource: volumeBackupRuleArn(contract, own),
    },
    ...watchStatements(contract, region),
    {
      Sid: "ScheduleRestoreTests",
      Effect: "Allow",
      Action: [
        "scheduler:CreateSchedule",
        "scheduler:DeleteSchedule",
        "scheduler:GetSchedule",
        "scheduler:UpdateSchedule",
      ],
      Resource: `arn:aws:scheduler:${region}:${accountId}:schedule/default/${own.restoreNode}-*`,
    },
    {
      Sid: "HandRoleToSchedule",
      Effect: "Allow",
      Action: "iam:PassRole",
      Resource: roleArns([own.restoreScheduleRole]),
      Condition: { StringEquals: { "iam:PassedToService": "scheduler.amazonaws.com" } },
    },
    {
      Sid: "HandRoleToFlowLogs",
      Effect: "Allow",
      Action: "iam:PassRole",
      Resource: roleArns([own.flowLogRole]),
      Condition: { StringEquals: { "iam:PassedToService": "vpc-flow-logs.amazonaws.com" } },
    },
    {
      Sid: "FirstUseOfServices",
      Effect: "Allow",
      Action: "iam:CreateServiceLinkedRole",
      Resource: `arn:aws:iam::${accountId}:role/aws-service-role/*`,
      Condition: {
        StringEquals: {
          "iam:AWSServiceName": [
            "autoscaling.amazonaws.com",
            "backup.amazonaws.com",
            "elasticloadbalancing.amazonaws.com",
            "restore-testing.backup.amazonaws.com",
          ],
        },
      },
    },
    {
      Sid: "EncryptVolumes",
      Effect: "Allow",
      Action: ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncrypt*"],
      Resource: dataKeyArns[id],
      Condition: { StringEquals: { "kms:ViaService": `ec2.${region}.amazonaws.com` } },
    },
    {
      Sid: "GrantTheKeyToVolumes",
      Effect: "Allow",
      Action: "kms:CreateGrant",
      Resource: dataKeyArns[id],
      Condition: {
        StringEquals: { "kms:ViaService": `ec2.${region}.amazonaws.com` },
        Bool: { "kms:GrantIsForAWSResource": "true" },
      },
    },
  ];
}

/** Peering and its routes, in both regions. */
export const deployLinkStatements = ({ home, recovery }: Contract): Statement[] => [
  {
    Sid: "LinkRegions",
    Effect: "Allow",
    Action: [
      "ec2:AcceptVpcPeeringConnection",
      "ec2:CreateRoute",
      "ec2:CreateTags",
      "ec2:CreateVpcPeeringConnection",
      "ec2:DeleteRoute",
      "ec2:DeleteTags",
      "ec2:DeleteVpcPeeringConnection",
      "ec2:Describe*",
      "ec2:ModifyVpcPeeringConnectionOptions",
      "ec2:ReplaceRoute",
    ],
    Resource: "*",
    Condition: { StringEquals: { "aws:RequestedRegion": [home.region, recovery.region] } },
  },
];

/** The watch over calls in one region, and its canary: made and changed, never removed. A person does that. */
export const watchStatements = (
  { accountId, prefix, canaryRole, watchBusRole }: Contract,
  region: string,
): Statement[] => [
  {
    Sid: "WatchCalls",
    Effect: "Allow",
    Action: [
      "events:DescribeRule",
      "events:ListTagsForResource",
      "events:ListTargetsByRule",
      "events:PutRule",
      "events:PutTargets",
      "events:TagResource",
      "events:UntagResource",
    ],
    Resource: `arn:aws:events:${region}:${accountId}:rule/${prefix}-*`,
  },
  {
    Sid: "ScheduleTheCanary",
    Effect: "Allow",
    Action: ["scheduler:CreateSchedule", "scheduler:GetSchedule", "scheduler:UpdateSchedule"],
    Resource: `arn:aws:scheduler:${region}:${accountId}:schedule/default/${prefix}-*`,
  },
  {
    Sid: "HandRolesToTheWatch",
    Effect: "Allow",
    Action: "iam:PassRole",
    Resource: [canaryRole, watchBusRole].map((name) => `arn:aws:iam::${accountId}:role/${name}`),
    Condition: {
      StringEquals: { "iam:PassedToService": ["events.amazonaws.com", "scheduler.amazonaws.com"] },
    },
  },
];

/** Alarms and the topics that they go to. */
export const ALARMS_AND_TOPICS = [
  "cloudwatch:Delete*",
  "cloudwatch:Describe*",
  "cloudwatch:List*",
  "cloudwatch:Put*",
  "cloudwatch:TagResource",
  "cloudwatch:UntagResource",
  "sns:CreateTopic",
  "sns:DeleteTopic",
  "sns:Get*",
  "sns:List*",
  "sns:SetSubscriptionAttributes",
  "sns:SetTopicAttributes",
  "sns:Subscribe",
  "sns:TagResource",
  "sns:Unsubscribe",
  "sns:UntagResource",
];

const LOG_GROUPS = [
  "logs:AssociateKmsKey",
  "logs:Create*",
  "logs:Delete*",
  "logs:Describe*",
  "logs:List*",
  "logs:PutRetentionPolicy",
  "logs:TagResource",
  "logs:UntagResource",
];

const NETWORK_AND_MACHINES = [
  "autoscaling:Attach*",
  "autoscaling:CancelInstanceRefresh",
  "autoscaling:Create*",
  "autoscaling:Delete*",
  "autoscaling:Describe*",
  "autoscaling:Detach*",
  "autoscaling:DisableMetricsCollection",
  "autoscaling:EnableMetricsCollection",
  "autoscaling:Put*",
  "autoscaling:SetInstanceProtection",
  "autoscaling:StartInstanceRefresh",
  "autoscaling:Update*",
  "ec2:Allocate*",
  "ec2:Associate*",
  "ec2:Attach*",
  "ec2:Authorize*",
  "ec2:Cancel*",
  "ec2:Create*",
  "ec2:Delete*",
  "ec2:Describe*",
  "ec2:Detach*",
  "ec2:Disassociate*",
  "ec2:Get*",
  "ec2:Modify*",
  "ec2:Release*",
  "ec2:Replace*",
  "ec2:Revoke*",
  "ec2:RunInstances",
  "ec2:Update*",
];

const LOAD_BALANCERS = [
  "elasticloadbalancing:Add*",
  "elasticloadbalancing:Create*",
  "elasticloadbalancing:Delete*",
  "elasticloadbalancing:Describe*",
  "elasticloadbalancing:Modify*",
  "elasticloadbalancing:Remove*",
  "elasticloadbalancing:Set*",
];
