/**
 * Policies of the KMS keys. No Pulumi here.
 *
 * Each key is open for one purpose only, and only through the service that has it. The account's
 * administrators may manage a key but not decrypt with it: no statement here gives `kms:Decrypt` without a
 * condition, so an administrator's own `kms:*` doesn't reach the data.
 *
 * `Resource: "*"` in a key policy means "this key"; AWS accepts nothing else there.
 */
import { accountPrincipal, everythingIn, policyDocument, type Statement } from "./policy-document.js";

export interface KeyPlace {
  readonly accountId: string;
  /** Region of the key that gets the policy. */
  readonly region: string;
  /** ARN of the only role that may disable a key or change its policy. Default: IAM policies of the account say who. */
  readonly breakGlassRole?: string;
}

/** Volumes, secrets and log groups of one region. */
export function dataKeyPolicy(
  place: KeyPlace,
  /** Regions between which secrets are replicated: Secrets Manager acts from either end. */
  secretRegions: readonly string[],
  /** Log groups below `/<prefix>/` may use the key. */
  prefix: string,
): string {
  const { accountId, region } = place;
  // AWS Backup keeps snapshots of the volumes under the same key.
  const volumes = [`ec2.${region}.amazonaws.com`, `backup.${region}.amazonaws.com`];
  const through = [...volumes, ...secretRegions.map((r) => `secretsmanager.${r}.amazonaws.com`)];
  return policyDocument([
    ...administration(place),
    {
      Sid: "UseThroughEbsAndSecretsManager",
      Effect: "Allow",
      Principal: accountPrincipal(accountId),
      Action: USE,
      Resource: "*",
      Condition: { StringEquals: { "kms:CallerAccount": accountId, "kms:ViaService": through } },
    },
    {
      Sid: "AttachVolumes",
      Effect: "Allow",
      Principal: accountPrincipal(accountId),
      Action: "kms:CreateGrant",
      Resource: "*",
      Condition: {
        StringEquals: { "kms:CallerAccount": accountId, "kms:ViaService": volumes },
        Bool: { "kms:GrantIsForAWSResource": "true" },
      },
    },
    // Autoscaling starts nodes under its service-linked role, whose own policy grants no KMS at all, so the
    // key must. The role is named by condition, not as principal: KMS refuses a principal that doesn't exist
    // yet, and in a fresh account the first autoscaling group creates it.
    {
      Sid: "AutoscalingStartsEncryptedInstances",
      Effect: "Allow",
      Principal: { AWS: "*" },
      Action: USE,
      Resource: "*",
      Condition: autoscalingRole(accountId),
    },
    {
      Sid: "AutoscalingAttachesVolumes",
      Effect: "Allow",
      Principal: { AWS: "*" },
      Action: "kms:CreateGrant",
      Resource: "*",
      Condition: { ...autoscalingRole(accountId), Bool: { "kms:GrantIsForAWSResource": "true" } },
    },
    {
      Sid: "EncryptLogGroups",
      Effect: "Allow",
      Principal: { Service: `logs.${region}.amazonaws.com` },
      Action: USE,
      Resource: "*",
      Condition: {
        ArnLike: {
          "kms:EncryptionContext:aws:logs:arn": `arn:aws:logs:${region}:${accountId}:log-group:/${prefix}/*`,
        },
      },
    },
  ]);
}

/** Objects of the vault, the runbooks and the application of one region, through S3 only. Who may, says IAM. */
export const backupsKeyPolicy = (place: KeyPlace): string => storageKeyPolicy(place, []);

/** The same, with further statements. */
export function storageKeyPolicy(place: KeyPlace, statements: readonly Statement[]): string {
  const { accountId, region } = place;
  return policyDocument([
    ...administration(place),
    {
      Sid: "UseThroughS3",
      Effect: "Allow",
      Principal: accountPrincipal(accountId),
      Action: USE,
      Resource: "*",
      Condition: {
        StringEquals: { "kms:CallerAccount": accountId, "kms:ViaService": `s3.${region}.amazonaws.com` },
      },
    },
    ...statements,
  ]);
}

/** Messages of the alarm topics of one region. */
export function notificationsKeyPolicy(place: KeyPlace): string {
  const { accountId, region } = place;
  return policyDocument([
    ...administration(place),
    // An alarm can't publish to a topic under AWS's own key: that key's policy lacks this statement.
    {
      Sid: "AlarmsPublish",
      Effect: "Allow",
      // Rules of EventBridge page too, when somebody touches a vault.
      Principal: { Service: ["cloudwatch.amazonaws.com", "events.amazonaws.com", "sns.amazonaws.com"] },
      Action: ["kms:Decrypt", "kms:GenerateDataKey*"],
      Resource: "*",
      Condition: { StringEquals: { "aws:SourceAccount": accountId } },
    },
    {
      Sid: "PeopleAndNodesPublishThroughSns",
      Effect: "Allow",
      Principal: accountPrincipal(accountId),
      Action: ["kms:Decrypt", "kms:GenerateDataKey*", "kms:DescribeKey"],
      Resource: "*",
      Condition: {
        StringEquals: { "kms:CallerAccount": accountId, "kms:ViaService": `sns.${region}.amazonaws.com` },
      },
    },
  ]);
}

/** Log files of the audit trail: written by that one trail, read with IAM permission. */
export function auditKeyPolicy(place: KeyPlace, trailArn: string, auditBucket: string): string {
  const { accountId, region } = place;
  return policyDocument([
    ...administration(place),
    {
      Sid: "TrailEncrypts",
      Effect: "Allow",
      Principal: { Service: "cloudtrail.amazonaws.com" },
      Action: "kms:GenerateDataKey*",
      Resource: "*",
      Condition: {
        StringEquals: { "aws:SourceArn": trailArn },
        StringLike: {
          "kms:EncryptionContext:aws:cloudtrail:arn": `arn:aws:cloudtrail:*:${accountId}:trail/*`,
        },
      },
    },
    {
      // With S3's bucket keys, and for the signed digests, the context is the bucket's.
      Sid: "TrailEncryptsUnderTheBucketsKey",
      Effect: "Allow",
      Principal: { Service: "cloudtrail.amazonaws.com" },
      Action: ["kms:Decrypt", "kms:GenerateDataKey*"],
      Resource: "*",
      Condition: {
        StringEquals: { "aws:SourceArn": trailArn },
        StringLike: { "kms:EncryptionContext:aws:s3:arn": everythingIn(auditBucket) },
      },
    },
    {
      Sid: "TrailDescribes",
      Effect: "Allow",
      Principal: { Service: "cloudtrail.amazonaws.com" },
      Action: "kms:DescribeKey",
      Resource: "*",
      Condition: { StringEquals: { "aws:SourceArn": trailArn } },
    },
    {
      Sid: "AuditorsReadThroughS3",
      Effect: "Allow",
      Principal: accountPrincipal(accountId),
      Action: "kms:Decrypt",
      Resource: "*",
      Condition: {
        StringEquals: { "kms:CallerAccount": accountId, "kms:ViaService": `s3.${region}.amazonaws.com` },
      },
    },
  ]);
}

/** The longest that KMS offers. A person who may change a key's policy can take the denial of a shorter one out first. */
export const DELETION_WINDOW_DAYS = 30;

const USE = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"];

/** Management without use. IAM policies of the account say who. */
const administration = ({ accountId, breakGlassRole }: KeyPlace): Statement[] => [
  {
    Sid: "AccountAdministersButDoesNotDecrypt",
    Effect: "Allow",
    Principal: accountPrincipal(accountId),
    Action: [
      "kms:CancelKeyDeletion",
      "kms:CreateAlias",
      "kms:DeleteAlias",
      "kms:DescribeKey",
      "kms:DisableKey",
      "kms:EnableKey",
      "kms:EnableKeyRotation",
      "kms:GetKeyPolicy",
      "kms:GetKeyRotationStatus",
      "kms:ListAliases",
      "kms:ListGrants",
      "kms:ListKeyPolicies",
      "kms:ListKeyRotations",
      "kms:ListResourceTags",
      "kms:PutKeyPolicy",
      "kms:ReplicateKey",
      "kms:RevokeGrant",
      "kms:RotateKeyOnDemand",
      "kms:ScheduleKeyDeletion",
      // KMS's own role keeps rotation and key material of primary and replica in step with it.
      "kms:SynchronizeMultiRegionKey",
      "kms:TagResource",
      "kms:UntagResource",
      "kms:UpdateAlias",
      "kms:UpdateKeyDescription",
      "kms:UpdatePrimaryRegion",
    ],
    Resource: "*",
  },
  {
    // Not for anybody: KMS may delete after 7 days, and the backups under a key are locked for longer.
    Sid: "NoDeletionWithinAMonth",
    Effect: "Deny",
    Principal: "*",
    Action: "kms:ScheduleKeyDeletion",
    Resource: "*",
    Condition: {
      NumericLessThan: { "kms:ScheduleKeyDeletionPendingWindowInDays": `${DELETION_WINDOW_DAYS}` },
    },
  },
  ...(breakGlassRole === undefined ? [] : [onlyByBreakGlass(accountId, breakGlassRole)]),
];

/**
 * The root too, or a deleted role would leave a key that no identity can change. A name, not an identity: an administrator who
 * creates the role again, or changes whom it trusts, gets through, and becoming it pages.
 */
const onlyByBreakGlass = (accountId: string, role: string): Statement => ({
  Sid: "OnlyBreakGlassClosesOrOpensTheKey",
  Effect: "Deny",
  Principal: "*",
  Action: ["kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"],
  Resource: "*",
  Condition: {
    ArnNotEquals: { "aws:PrincipalArn": [role, `arn:aws:iam::${accountId}:root`] },
  },
});

const autoscalingRole = (accountId: string) => ({
  StringEquals: {
    "kms:CallerAccount": accountId,
    "aws:PrincipalArn": `arn:aws:iam::${accountId}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling`,
  },
});
