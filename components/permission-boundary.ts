/** The ceiling over every role of this project, whatever its own policies say. */
import * as iam from "@pulumi/aws/iam/index.js";
import * as pulumi from "@pulumi/pulumi";
import type { Contract } from "../settings/contract.js";
import { claimsStay } from "./access/claim-policies.js";
import { policyDocument, type Statement } from "./access/policy-document.js";

export interface PermissionBoundaryArgs {
  readonly contract: Contract;
  /** Prefix of the pipeline's roles, whose trust the pipeline itself can't change. */
  readonly pipelineRolePrefix: string;
  readonly trailArn: string;
  /** Whether regions build machine images. */
  readonly buildImages: boolean;
}

/** What the project is made of. A role can never be given anything else. */
const SERVICES = [
  "acm",
  "autoscaling",
  "backup",
  "backup-storage",
  "cloudtrail",
  "cloudwatch",
  "dynamodb",
  "ec2",
  "ec2messages",
  "elasticloadbalancing",
  "events",
  "iam",
  "kms",
  "lambda",
  "logs",
  "route53",
  "s3",
  "scheduler",
  "secretsmanager",
  "sns",
  "ssm",
  "ssmmessages",
  "sts",
  "tag",
];

export class PermissionBoundary extends pulumi.ComponentResource {
  /** ARN for `permissionsBoundary`; it carries the dependency on the policy. */
  readonly arn: pulumi.Output<string>;

  constructor(name: string, args: PermissionBoundaryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dr:access:PermissionBoundary", name, {}, opts);
    const policy = new iam.Policy(
      name,
      {
        name: args.contract.permissionBoundary,
        description: "Ceiling over every role of this project",
        policy: policyDocument(boundaryStatements(args)),
      },
      { parent: this },
    );
    this.arn = policy.arn;
    this.registerOutputs({ arn: this.arn });
  }
}

/**
 * A boundary grants nothing, it only caps: the wide first statement is the cap, the denials after it are what
 * no role may do even if its policies say so. `Resource: "*"` because it must hold for resources not yet
 * made.
 */
function boundaryStatements(args: PermissionBoundaryArgs): Statement[] {
  const { contract, pipelineRolePrefix, trailArn, buildImages } = args;
  const { accountId } = contract;
  const boundaryArn = `arn:aws:iam::${accountId}:policy/${contract.permissionBoundary}`;
  return [
    {
      Sid: "OnlyTheseServices",
      Effect: "Allow",
      Action: [...SERVICES, ...(buildImages ? ["imagebuilder"] : [])].map((service) => `${service}:*`),
      Resource: "*",
    },
    {
      // A role without the boundary would be the way around it.
      Sid: "RolesKeepTheBoundary",
      Effect: "Deny",
      Action: [
        "iam:AttachRolePolicy",
        "iam:CreateRole",
        "iam:PutRolePermissionsBoundary",
        "iam:PutRolePolicy",
      ],
      Resource: "*",
      Condition: { StringNotEquals: { "iam:PermissionsBoundary": boundaryArn } },
    },
    {
      Sid: "NobodyLiftsTheBoundary",
      Effect: "Deny",
      Action: ["iam:DeleteRolePermissionsBoundary", "iam:DeleteUserPermissionsBoundary"],
      Resource: "*",
    },
    {
      Sid: "NobodyEditsTheBoundary",
      Effect: "Deny",
      Action: [
        "iam:CreatePolicyVersion",
        "iam:DeletePolicy",
        "iam:DeletePolicyVersion",
        "iam:SetDefaultPolicyVersion",
      ],
      Resource: boundaryArn,
    },
    {
      // Users, groups and federations aren't capped by a role's boundary.
      Sid: "NobodyMakesOtherIdentities",
      Effect: "Deny",
      Action: [
        "iam:AddUserToGroup",
        "iam:AttachGroupPolicy",
        "iam:AttachUserPolicy",
        "iam:CreateAccessKey",
        "iam:CreateGroup",
        "iam:CreateLoginProfile",
        "iam:CreateSAMLProvider",
        "iam:CreateUser",
        "iam:PutGroupPolicy",
        "iam:PutUserPolicy",
        "iam:UpdateAccessKey",
        "iam:UpdateLoginProfile",
        "iam:UpdateSAMLProvider",
      ],
      Resource: "*",
    },
    {
      // Deleted and made again, a role could trust somebody else too.
      Sid: "ThePipelineDoesNotChooseWhoItIs",
      Effect: "Deny",
      Action: ["iam:CreateRole", "iam:DeleteRole", "iam:UpdateAssumeRolePolicy"],
      Resource: `arn:aws:iam::${accountId}:role/${pipelineRolePrefix}*`,
    },
    {
      Sid: "BackupsAndAuditStay",
      Effect: "Deny",
      Action: ["s3:BypassGovernanceRetention", "s3:DeleteBucket", "s3:DeleteObjectVersion"],
      Resource: [contract.home.vaultBucket, contract.recovery.vaultBucket, contract.auditBucket].flatMap(
        (bucket) => [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`],
      ),
    },
    {
      Sid: "RecoveryPointsStay",
      Effect: "Deny",
      Action: [
        "backup:DeleteBackupVault",
        "backup:DeleteBackupVaultLockConfiguration",
        "backup:DeleteRecoveryPoint",
        "backup:UpdateRecoveryPointLifecycle",
      ],
      Resource: "*",
    },
    {
      Sid: "TheTrailKeepsRecording",
      Effect: "Deny",
      Action: ["cloudtrail:DeleteTrail", "cloudtrail:StopLogging"],
      Resource: trailArn,
    },
    {
      Sid: "KeysStay",
      Effect: "Deny",
      Action: ["kms:DisableKey", "kms:ScheduleKeyDeletion"],
      Resource: `arn:aws:kms:*:${accountId}:key/*`,
    },
    ...claimsStay(contract),
  ];
}
