/**
 * What the roles for people may do: each what its commands call, and nothing else. `cli/roles.ts` says which command
 * needs which role. No Pulumi here.
 */
import type { Contract, RegionContract } from "../../settings/contract.js";
import type { PersonRole } from "../../settings/people.js";
import type { RegionId } from "../../settings/stacks.js";
import { claimTableArns, everythingIn, type Statement } from "./policy-document.js";
import { transcriptsStay } from "./transcript-policies.js";

export interface PeopleArgs {
  readonly contract: Contract;
  /** Value of the tag `project`. */
  readonly prefix: string;
  /** Region of Pulumi's state and its key. */
  readonly witnessRegion: string;
}

/** ARNs that AWS assigns. */
export interface PeopleKeys {
  readonly backups: Readonly<Record<RegionId, string>>;
  readonly audit: string;
}

/** @returns of break-glass: everything. Its boundary says what not. */
export function personStatements(role: PersonRole, args: PeopleArgs, keys: PeopleKeys): Statement[] {
  switch (role) {
    case "dr-operator":
      return drOperatorStatements(args);
    case "restore-operator":
      return restoreOperatorStatements(args);
    case "vault-operator":
      return vaultOperatorStatements(args, keys.backups);
    case "auditor":
      return auditorStatements(args, keys.audit);
    case "break-glass":
      return [{ Sid: "Everything", Effect: "Allow", Action: "*", Resource: "*" }];
  }
}

const regionsOf = ({ home, recovery }: Contract): RegionContract[] => [home, recovery];
const inBoth = (contract: Contract) => ({
  StringEquals: { "aws:RequestedRegion": regionsOf(contract).map(({ region }) => region) },
});

/** Claims, status and overrides, in either replica: one must do while the other region is down. */
const readClaims = (contract: Contract): Statement => ({
  Sid: "ReadClaimsAndStatus",
  Effect: "Allow",
  Action: ["dynamodb:GetItem", "dynamodb:Query"],
  Resource: claimTableArns(contract),
});

/** The names of backups; none of their content. */
const listBackups = (contract: Contract): Statement => ({
  Sid: "ListBackups",
  Effect: "Allow",
  Action: "s3:ListBucket",
  Resource: regionsOf(contract).map(({ vaultBucket }) => `arn:aws:s3:::${vaultBucket}`),
  Condition: {
    StringLike: {
      "s3:prefix": regionsOf(contract).map(({ repositoryPath: path }) => `${path.slice(1)}/backup/*`),
    },
  },
});

/**
 * A promotion is a `pulumi up` that may only add claims and change the size of groups (`allowed-changes.ts`). The policy of
 * the state's bucket names this role: `npx dr bootstrap state-bucket`.
 */
function drOperatorStatements({ contract, prefix, witnessRegion }: PeopleArgs): Statement[] {
  const { accountId } = contract;
  return [
    readClaims(contract),
    listBackups(contract),
    {
      // An item is written once: no UpdateItem, no DeleteItem. A status is its nodes'.
      Sid: "ClaimForEitherRegion",
      Effect: "Allow",
      Action: "dynamodb:PutItem",
      Resource: claimTableArns(contract),
      Condition: {
        "ForAllValues:StringEquals": {
          "dynamodb:LeadingKeys": regionsOf(contract).flatMap((own) => [
            own.claimKey,
            own.fencedKey,
            own.acceptDataLossKey,
          ]),
        },
        Null: { "dynamodb:LeadingKeys": "false" },
      },
    },
    {
      // The import of a claim whose answer was lost.
      Sid: "SeeTheClaimTable",
      Effect: "Allow",
      Action: "dynamodb:DescribeTable",
      Resource: claimTableArns(contract),
    },
    {
      Sid: "ReadHandoff",
      Effect: "Allow",
      Action: "ssm:GetParameter",
      Resource: regionsOf(contract).map(
        ({ region }) => `arn:aws:ssm:${region}:${accountId}:parameter${contract.handoffParameter}`,
      ),
    },
    {
      // Without a launch template in the request, AWS asks for no right to start machines or to hand on a role.
      Sid: "SizeOfGroups",
      Effect: "Allow",
      Action: "autoscaling:UpdateAutoScalingGroup",
      Resource: regionsOf(contract).map(
        ({ region }) =>
          `arn:aws:autoscaling:${region}:${accountId}:autoScalingGroup:*:autoScalingGroupName/*`,
      ),
      Condition: {
        StringEquals: { "aws:ResourceTag/project": prefix },
        Null: { "autoscaling:LaunchTemplateVersionSpecified": "true" },
      },
    },
    {
      Sid: "SeeGroups",
      Effect: "Allow",
      Action: ["autoscaling:Describe*", "elasticloadbalancing:Describe*"],
      Resource: "*",
      Condition: inBoth(contract),
    },
    {
      // The key has an id that AWS chose, and an alias by docs/deploy.md.
      Sid: "SecretsOfTheState",
      Effect: "Allow",
      Action: ["kms:Decrypt", "kms:Encrypt"],
      Resource: `arn:aws:kms:${witnessRegion}:${accountId}:key/*`,
      Condition: { "ForAnyValue:StringEquals": { "kms:ResourceAliases": [`alias/${prefix}-state`] } },
    },
  ];
}

/** The project's own documents, on the project's own machines. No `AWS-RunShellScript`: that is a root shell. */
function restoreOperatorStatements({ contract, prefix }: PeopleArgs): Statement[] {
  const { accountId, operatorDocumentPrefix } = contract;
  return [
    readClaims(contract),
    {
      Sid: "SeeMachines",
      Effect: "Allow",
      Action: [
        "autoscaling:DescribeAutoScalingGroups",
        "ec2:DescribeInstances",
        "ssm:DescribeInstanceInformation",
        "ssm:GetCommandInvocation",
      ],
      Resource: "*",
      Condition: inBoth(contract),
    },
    {
      Sid: "RestoreMachine",
      Effect: "Allow",
      Action: [
        "autoscaling:ResumeProcesses",
        "autoscaling:SetDesiredCapacity",
        "autoscaling:SuspendProcesses",
      ],
      Resource: regionsOf(contract).map(
        ({ region, restoreNode }) =>
          `arn:aws:autoscaling:${region}:${accountId}:autoScalingGroup:*:autoScalingGroupName/${restoreNode}`,
      ),
    },
    {
      Sid: "OwnDocuments",
      Effect: "Allow",
      Action: "ssm:SendCommand",
      Resource: regionsOf(contract).map(
        ({ region }) => `arn:aws:ssm:${region}:${accountId}:document/${operatorDocumentPrefix}*`,
      ),
    },
    {
      Sid: "OnOwnMachines",
      Effect: "Allow",
      Action: "ssm:SendCommand",
      Resource: regionsOf(contract).map(({ region }) => `arn:aws:ec2:${region}:${accountId}:instance/*`),
      Condition: { StringEquals: { "aws:ResourceTag/project": prefix } },
    },
  ];
}

/**
 * Removing a delete marker is `s3:DeleteObjectVersion`, and no condition of IAM tells a marker from a version. What protects
 * versions is their lock: this role can lift none, shorten none, and has no `s3:DeleteObject`. A version past its lock, which
 * expires within days anyway, it could delete; the call pages.
 */
function vaultOperatorStatements({ contract }: PeopleArgs, backups: PeopleKeys["backups"]): Statement[] {
  const both = regionsOf(contract);
  return [
    {
      Sid: "InspectVaults",
      Effect: "Allow",
      Action: [
        "s3:GetBucketObjectLockConfiguration",
        "s3:GetBucketVersioning",
        "s3:ListBucket",
        "s3:ListBucketVersions",
      ],
      Resource: both.map(({ vaultBucket }) => `arn:aws:s3:::${vaultBucket}`),
    },
    {
      Sid: "ProtectNewObjects",
      Effect: "Allow",
      Action: ["s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning"],
      Resource: both.map(({ vaultBucket }) => `arn:aws:s3:::${vaultBucket}`),
    },
    {
      Sid: "UnhideAndRollBack",
      Effect: "Allow",
      Action: [
        "s3:DeleteObjectVersion",
        "s3:GetObject",
        "s3:GetObjectTagging",
        "s3:GetObjectVersion",
        "s3:GetObjectVersionTagging",
        "s3:PutObject",
        "s3:PutObjectTagging",
      ],
      Resource: both.map(({ vaultBucket }) => `arn:aws:s3:::${vaultBucket}/*`),
    },
    ...both.map(
      ({ id, region, vaultBucket }): Statement => ({
        Sid: `CopyWithTheKeyOf${id === "home" ? "Home" : "Recovery"}`,
        Effect: "Allow",
        Action: ["kms:Decrypt", "kms:GenerateDataKey"],
        Resource: backups[id],
        Condition: {
          StringEquals: { "kms:ViaService": `s3.${region}.amazonaws.com` },
          StringLike: { "kms:EncryptionContext:aws:s3:arn": everythingIn(vaultBucket) },
        },
      }),
    ),
  ];
}

/** Beside AWS's SecurityAudit, which reads settings of all services. It reads no data, and the denial keeps it so. */
function auditorStatements({ contract }: PeopleArgs, auditKey: string): Statement[] {
  const { auditBucket, home, accountId } = contract;
  return [
    readClaims(contract),
    {
      Sid: "ReadTrailsBucket",
      Effect: "Allow",
      Action: ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketVersions"],
      Resource: everythingIn(auditBucket),
    },
    {
      Sid: "DecryptTrail",
      Effect: "Allow",
      Action: "kms:Decrypt",
      Resource: auditKey,
      Condition: { StringEquals: { "kms:ViaService": `s3.${home.region}.amazonaws.com` } },
    },
    {
      // The last 90 days, in each region, also without the bucket.
      Sid: "LookUpEvents",
      Effect: "Allow",
      Action: "cloudtrail:LookupEvents",
      Resource: "*",
    },
    {
      Sid: "ReadTranscripts",
      Effect: "Allow",
      Action: ["logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents"],
      Resource: regionsOf(contract).flatMap(({ region, sessionLogGroup }) => {
        const group = `arn:aws:logs:${region}:${accountId}:log-group:${sessionLogGroup}`;
        return [group, `${group}:*`];
      }),
    },
    {
      Sid: "NoSecretsNoData",
      Effect: "Deny",
      Action: ["dynamodb:Scan", "secretsmanager:GetSecretValue", "ssm:GetParameter*"],
      Resource: "*",
    },
    {
      Sid: "NoObjectButTheTrails",
      Effect: "Deny",
      Action: ["s3:GetObject", "s3:GetObjectVersion"],
      NotResource: `arn:aws:s3:::${auditBucket}/*`,
    },
  ];
}

/**
 * The ceiling over operators and auditor: what any of them uses. A policy added to one of them gives nothing beyond it: no
 * IAM, no machine, no secret, no shell.
 */
export function peopleBoundaryStatements({ contract }: PeopleArgs): Statement[] {
  const { accountId, auditBucket, home, recovery } = contract;
  const vaults = [home.vaultBucket, recovery.vaultBucket];
  return [
    {
      Sid: "Operate",
      Effect: "Allow",
      Action: [
        "autoscaling:ResumeProcesses",
        "autoscaling:SetDesiredCapacity",
        "autoscaling:SuspendProcesses",
        "autoscaling:UpdateAutoScalingGroup",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "kms:Decrypt",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "logs:FilterLogEvents",
        "logs:GetLogEvents",
        "s3:PutBucketObjectLockConfiguration",
        "s3:PutBucketVersioning",
        "ssm:GetCommandInvocation",
        "ssm:GetParameter",
        "ssm:SendCommand",
      ],
      Resource: "*",
    },
    {
      Sid: "Objects",
      Effect: "Allow",
      Action: ["s3:GetObject*", "s3:ListBucket*", "s3:PutObject", "s3:PutObjectTagging"],
      Resource: [...vaults, auditBucket].flatMap(everythingIn),
    },
    {
      // The bucket's name is in no setting; the folder is Pulumi's own.
      Sid: "State",
      Effect: "Allow",
      Action: ["s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject"],
      Resource: ["arn:aws:s3:::*-state-*", "arn:aws:s3:::*/.pulumi/*"],
    },
    {
      Sid: "DeleteMarkers",
      Effect: "Allow",
      Action: "s3:DeleteObjectVersion",
      Resource: vaults.map((bucket) => `arn:aws:s3:::${bucket}/*`),
    },
    {
      // What SecurityAudit reads, of the services that the project has.
      Sid: "ReadSettings",
      Effect: "Allow",
      Action: [
        ...["acm", "autoscaling", "backup", "cloudtrail", "cloudwatch", "dynamodb", "ec2"],
        ...["elasticloadbalancing", "events", "kms", "logs", "secretsmanager", "ssm"],
      ]
        .flatMap((service) => [`${service}:Describe*`, `${service}:List*`])
        .concat([
          "acm:GetAccountConfiguration",
          "backup:Get*",
          "cloudtrail:Get*",
          "cloudtrail:LookupEvents",
          "cloudwatch:GetDashboard",
          "iam:Generate*",
          "iam:Get*",
          "iam:List*",
          "iam:Simulate*",
          "kms:GetKeyPolicy",
          "kms:GetKeyRotationStatus",
          "route53:Get*",
          "route53:List*",
          "s3:GetAccountPublicAccessBlock",
          "s3:GetBucket*",
          "s3:GetEncryptionConfiguration",
          "s3:GetLifecycleConfiguration",
          "s3:GetReplicationConfiguration",
          "s3:List*",
          "scheduler:Get*",
          "scheduler:List*",
          "secretsmanager:GetResourcePolicy",
          "sns:Get*",
          "sns:List*",
          "tag:Get*",
        ]),
      Resource: "*",
    },
    {
      // Every account has this document, and it is a root shell.
      Sid: "NoFreeCommands",
      Effect: "Deny",
      Action: ["ssm:SendCommand", "ssm:StartSession"],
      Resource: ["arn:aws:ssm:*:*:document/AWS-*", `arn:aws:ssm:*:${accountId}:document/SSM-*`],
    },
    {
      Sid: "LocksStay",
      Effect: "Deny",
      Action: ["s3:BypassGovernanceRetention", "s3:PutObjectLegalHold", "s3:PutObjectRetention"],
      Resource: "*",
    },
    {
      Sid: "NoOtherRole",
      Effect: "Deny",
      Action: "sts:AssumeRole*",
      Resource: "*",
    },
  ];
}

const shellDocumentArns = ({ accountId, home, recovery, shellDocument }: Contract): string[] =>
  [home, recovery].map(({ region }) => `arn:aws:ssm:${region}:${accountId}:document/${shellDocument}`);

/**
 * Session Manager asks for the machine and, separately, for the document. Where the caller names no document it takes the
 * account's own; when it asks for the machine without asking for that document, `ssm:SessionDocumentAccessCheck` is false.
 * Source: https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-sessiondocumentaccesscheck.html
 */
function onlyShellsWithTranscripts(contract: Contract, prefix: string): Statement[] {
  const machines = `arn:aws:ec2:*:${contract.accountId}:instance/*`;
  const deny = { Effect: "Deny", Action: "ssm:StartSession" } as const;
  return [
    {
      Sid: "NoShellWithoutTranscript",
      ...deny,
      NotResource: [machines, ...shellDocumentArns(contract)],
    },
    {
      Sid: "NoShellWithUncheckedDocument",
      ...deny,
      Resource: machines,
      Condition: { Bool: { "ssm:SessionDocumentAccessCheck": "false" } },
    },
    {
      // Another project's machines can't write a transcript here.
      Sid: "NoShellElsewhere",
      ...deny,
      Resource: machines,
      Condition: { StringNotEquals: { "aws:ResourceTag/project": prefix } },
    },
  ];
}

/**
 * What no emergency needs. It is a rail, not a wall: break-glass may change IAM, and so this policy. Each of its uses pages,
 * and only your organisation's service control policies are above it.
 */
export function breakGlassBoundaryStatements({ contract, prefix }: PeopleArgs): Statement[] {
  const { accountId, auditBucket, breakGlassBoundary } = contract;
  return [
    { Sid: "Everything", Effect: "Allow", Action: "*", Resource: "*" },
    ...onlyShellsWithTranscripts(contract, prefix),
    transcriptsStay(contract),
    {
      Sid: "ShellDocumentStays",
      Effect: "Deny",
      Action: ["ssm:DeleteDocument", "ssm:ModifyDocumentPermission", "ssm:UpdateDocument*"],
      Resource: shellDocumentArns(contract),
    },
    {
      Sid: "TheTrailStays",
      Effect: "Deny",
      Action: [
        "cloudtrail:DeleteTrail",
        "cloudtrail:PutEventSelectors",
        "cloudtrail:StopLogging",
        "cloudtrail:UpdateTrail",
      ],
      Resource: "*",
    },
    {
      Sid: "LockedStaysLocked",
      Effect: "Deny",
      Action: ["s3:BypassGovernanceRetention", "s3:PutObjectLegalHold", "s3:PutObjectRetention"],
      Resource: "*",
    },
    {
      Sid: "AuditStays",
      Effect: "Deny",
      Action: ["s3:DeleteBucket", "s3:DeleteObject*"],
      Resource: everythingIn(auditBucket),
    },
    {
      Sid: "KeysAndAccountStay",
      Effect: "Deny",
      Action: ["account:CloseAccount", "kms:ScheduleKeyDeletion", "organizations:LeaveOrganization"],
      Resource: "*",
    },
    {
      Sid: "ThisStays",
      Effect: "Deny",
      Action: [
        "iam:CreatePolicyVersion",
        "iam:DeletePolicy*",
        "iam:DeleteRolePermissionsBoundary",
        "iam:PutRolePermissionsBoundary",
        "iam:SetDefaultPolicyVersion",
      ],
      Resource: [
        `arn:aws:iam::${accountId}:policy/${breakGlassBoundary}`,
        `arn:aws:iam::${accountId}:role/${contract.personRole("break-glass")}`,
      ],
    },
  ];
}
