/**
 * CloudTrail's records as EventBridge gets them, in the forms that AWS's pages show: which calls the watch must see, by
 * whom, and which it must not. `npx tsx tests/support/event-ruler/record.ts` puts them to AWS's own matcher.
 */
import { ACCOUNT_ID } from "./recorder.js";

const PREFIX = "drs";
const role = (name: string) => `arn:aws:iam::${ACCOUNT_ID}:role/${name}`;

/** Who calls: a session of a role, or the account's root, whose record has no session. */
export const CALLERS = {
  administrator: { session: role("Administrator") },
  root: {},
  node: { session: role(`${PREFIX}-eu-west-1-database`) },
  "vault-operator": { session: role(`${PREFIX}-vault-operator`) },
  global: { session: role(`${PREFIX}-pipeline-deploy-global`) },
  prod: { session: role(`${PREFIX}-pipeline-deploy-prod`) },
  /** EC2, for the role that starts machines. */
  service: { session: role("Administrator"), invokedBy: "ec2.amazonaws.com" },
} as const;
export type Caller = keyof typeof CALLERS;

export interface Call {
  readonly service: string;
  readonly eventName: string;
  readonly requestParameters?: Record<string, unknown> | null;
  readonly resources?: readonly { readonly ARN: string }[];
}

export function recorded(
  { service, eventName, requestParameters = null, resources }: Call,
  caller: Caller,
  more: Record<string, unknown> = {},
) {
  const { session, invokedBy } = CALLERS[caller] as { session?: string; invokedBy?: string };
  return {
    version: "0",
    source: `aws.${service}`,
    "detail-type": "AWS API Call via CloudTrail",
    account: ACCOUNT_ID,
    detail: {
      eventSource: `${service}.amazonaws.com`,
      eventName,
      userIdentity: {
        type: session ? "AssumedRole" : "Root",
        ...(session && { sessionContext: { sessionIssuer: { type: "Role", arn: session } } }),
        ...(invokedBy && { invokedBy }),
      },
      requestParameters,
      ...(resources && { resources }),
      ...more,
    },
  };
}

export interface Ids {
  readonly vault: string;
  readonly audit: string;
  readonly key: string;
  readonly pageTopic: string;
  readonly region: string;
  readonly rule: string;
  readonly alarm: string;
}

const each = (service: string, names: readonly string[], at: Partial<Call>): Call[] =>
  names.map((eventName) => ({ service, eventName, ...at }));
const at = (requestParameters: Record<string, unknown>) => ({ requestParameters });

/** What no deployment does: it pages for every caller. */
export function neverCalls({ vault, audit, key, region }: Ids): Call[] {
  const table = `arn:aws:dynamodb:${region}:${ACCOUNT_ID}:table/${PREFIX}-claims`;
  const trailArn = `arn:aws:cloudtrail:eu-west-1:${ACCOUNT_ID}:trail/${PREFIX}-audit`;
  const sessions = `/${PREFIX}/${region}/sessions`;
  const cipher = `arn:aws:secretsmanager:${region}:${ACCOUNT_ID}:secret:${PREFIX}/backup/cipher-AbCdEf`;
  return [
    ...[vault, audit].flatMap((bucketName) =>
      each(
        "s3",
        [
          "DeleteBucket",
          "DeleteBucketPolicy",
          "DeleteBucketReplication",
          "DeleteBucketEncryption",
          "PutBucketPolicy",
        ],
        at({ bucketName }),
      ),
    ),
    ...each("s3", ["PutObjectRetention", "PutObjectLegalHold"], at({ bucketName: vault, key: "k" })),
    ...each(
      "s3",
      ["DeleteObject", "DeleteObjectVersion"],
      at({ bucketName: vault, key: "k", versionId: "v1" }),
    ),
    ...each(
      "backup",
      [
        "DeleteBackupVault",
        "DeleteBackupVaultLockConfiguration",
        "DeleteRecoveryPoint",
        "PutBackupVaultAccessPolicy",
      ],
      at({ backupVaultName: `${PREFIX}-${region}-volumes` }),
    ),
    ...keyCalls(key),
    ...[cipher, `${PREFIX}/backup/cipher`, `${PREFIX}/postgres/superuser`].flatMap((secretId) =>
      each(
        "secretsmanager",
        ["DeleteSecret", "PutResourcePolicy", "RemoveRegionsFromReplication", "StopReplicationToReplica"],
        at({ secretId }),
      ),
    ),
    ...each("secretsmanager", ["UpdateSecretVersionStage"], at({ secretId: cipher })),
    ...each(
      "logs",
      [
        "AssociateKmsKey",
        "DeleteLogGroup",
        "DeleteLogStream",
        "DeleteRetentionPolicy",
        "DisassociateKmsKey",
        "PutRetentionPolicy",
      ],
      at({ logGroupName: sessions }),
    ),
    ...[sessions, `arn:aws:logs:${region}:${ACCOUNT_ID}:log-group:${sessions}`].flatMap(
      (logGroupIdentifier) =>
        each(
          "logs",
          ["PutDataProtectionPolicy", "PutLogGroupDeletionProtection"],
          at({ logGroupIdentifier }),
        ),
    ),
    ...each(
      "ssm",
      ["DeleteDocument", "ModifyDocumentPermission", "UpdateDocument", "UpdateDocumentDefaultVersion"],
      at({ name: `${PREFIX}-shell` }),
    ),
    ...[`${PREFIX}-claims`, table].flatMap((tableName) =>
      each(
        "dynamodb",
        ["DeleteTable", "UpdateTable", "UpdateTimeToLive", "UpdateContinuousBackups"],
        at({ tableName }),
      ),
    ),
    ...each("dynamodb", ["PutResourcePolicy", "DeleteResourcePolicy"], at({ resourceArn: table })),
    ...each("dynamodb", ["DeleteItem", "UpdateItem", "TransactWriteItems", "ExecuteStatement"], {
      resources: [{ ARN: table }],
    }),
    {
      service: "dynamodb",
      eventName: "BatchWriteItem",
      requestParameters: { requestItems: { [`${PREFIX}-claims`]: [{ deleteRequest: {} }] } },
      resources: [{ ARN: table }],
    },
    ...[`${PREFIX}-audit`, trailArn].flatMap((name) => [
      ...each("cloudtrail", ["StopLogging", "DeleteTrail", "UpdateTrail"], at({ name })),
      ...each("cloudtrail", ["PutEventSelectors", "PutInsightSelectors"], at({ trailName: name })),
    ]),
  ];
}

const keyCalls = (key: string): Call[] =>
  each(
    "kms",
    [
      "DisableKey",
      "DisableKeyRotation",
      "PutKeyPolicy",
      "ScheduleKeyDeletion",
      "UpdatePrimaryRegion",
      "CreateGrant",
      "RevokeGrant",
    ],
    { ...at({ keyId: key }), resources: [{ ARN: key }] },
  );

/** The same of what is in us-east-1. */
export const neverCallsGlobally = ({ key }: Ids): Call[] => [
  ...each(
    "iam",
    [
      "DeleteRole",
      "UpdateAssumeRolePolicy",
      "PutRolePermissionsBoundary",
      "DeleteRolePermissionsBoundary",
      "AttachRolePolicy",
      "CreateRole",
    ],
    at({ roleName: `${PREFIX}-eu-west-1-database` }),
  ),
  ...["machine", "pipeline", "people", "break-glass"].flatMap((kind) =>
    each(
      "iam",
      ["CreatePolicyVersion", "SetDefaultPolicyVersion", "DeletePolicy", "DeletePolicyVersion"],
      at({ policyArn: `arn:aws:iam::${ACCOUNT_ID}:policy/${PREFIX}-${kind}-boundary` }),
    ),
  ),
  ...each(
    "iam",
    [
      "DeleteOpenIDConnectProvider",
      "UpdateOpenIDConnectProviderThumbprint",
      "AddClientIDToOpenIDConnectProvider",
      "RemoveClientIDFromOpenIDConnectProvider",
    ],
    at({
      openIDConnectProviderArn: `arn:aws:iam::${ACCOUNT_ID}:oidc-provider/token.actions.githubusercontent.com`,
    }),
  ),
  ...keyCalls(key),
];

/** Calls at the watch itself, in any of the three places. */
export const neverCallsAtTheWatch = ({ pageTopic, rule, alarm }: Ids): Call[] => [
  ...each("events", ["DeleteRule", "DisableRule"], at({ name: rule, eventBusName: "default" })),
  ...each("events", ["RemoveTargets"], at({ rule, ids: ["page"] })),
  ...each("monitoring", ["DeleteAlarms", "DisableAlarmActions"], at({ alarmNames: ["another", alarm] })),
  ...each("monitoring", ["SetAlarmState"], at({ alarmName: alarm, stateValue: "OK" })),
  ...each("sns", ["DeleteTopic", "RemovePermission", "AddPermission"], at({ topicArn: pageTopic })),
  ...each("sns", ["PutDataProtectionPolicy"], at({ resourceArn: pageTopic })),
  ...each("sns", ["Unsubscribe"], at({ subscriptionArn: `${pageTopic}:0a1b` })),
  ...each("scheduler", ["DeleteSchedule"], at({ name: rule.replace(/watch-.*/, "watch-canary") })),
];

/** What a deployment of the watch's own stack changes. */
export const settingsOfTheWatch = ({ pageTopic, rule, alarm }: Ids): Call[] => [
  ...each("events", ["PutRule"], at({ name: rule, state: "DISABLED" })),
  ...each("events", ["PutTargets"], at({ rule, targets: [] })),
  ...each("monitoring", ["PutMetricAlarm", "PutCompositeAlarm"], at({ alarmName: alarm })),
  ...each("sns", ["SetTopicAttributes", "Subscribe"], at({ topicArn: pageTopic })),
  ...each("sns", ["SetSubscriptionAttributes"], at({ subscriptionArn: `${pageTopic}:0a1b` })),
];

/** What a deployment of `global` changes, in a region. */
export const settingsOfGlobal = ({ vault, audit, key, region }: Ids): Call[] => [
  ...[vault, audit].flatMap((bucketName) =>
    each(
      "s3",
      [
        "PutBucketVersioning",
        "PutBucketObjectLockConfiguration",
        "PutObjectLockConfiguration",
        "PutBucketLifecycle",
        "PutLifecycleConfiguration",
        "PutBucketReplication",
        "PutBucketEncryption",
        "PutBucketPublicAccessBlock",
      ],
      at({ bucketName }),
    ),
  ),
  ...each("kms", ["DeleteAlias", "UpdateAlias", "ReplicateKey"], {
    resources: [{ ARN: `arn:aws:kms:${region}:${ACCOUNT_ID}:alias/x` }, { ARN: key }],
  }),
  ...each(
    "secretsmanager",
    ["UpdateSecret", "ReplicateSecretToRegions"],
    at({ secretId: `${PREFIX}/postgres/superuser` }),
  ),
  ...each("secretsmanager", ["PutSecretValue"], at({ secretId: `${PREFIX}/backup/cipher` })),
  ...each(
    "backup",
    ["PutBackupVaultLockConfiguration"],
    at({ backupVaultName: `${PREFIX}-${region}-volumes` }),
  ),
];

/** Daily work, and others' things: no rule reports it. */
export function quietCalls({ vault, key, pageTopic, region }: Ids): readonly (readonly [Call, Caller])[] {
  const table = `arn:aws:dynamodb:${region}:${ACCOUNT_ID}:table/${PREFIX}-claims`;
  const other = (service: string, eventName: string, parameters: Record<string, unknown>): Call => ({
    service,
    eventName,
    requestParameters: parameters,
  });
  return [
    [other("s3", "DeleteObject", { bucketName: vault, key: "k" }), "node"],
    [other("s3", "PutObject", { bucketName: vault, key: "k" }), "node"],
    [other("s3", "DeleteObjects", { bucketName: "elsewhere" }), "vault-operator"],
    [other("logs", "DeleteLogStream", { logGroupName: `/${PREFIX}/${region}/database` }), "administrator"],
    [other("ssm", "UpdateDocument", { name: `${PREFIX}-op-restore` }), "prod"],
    [other("s3", "GetObject", { bucketName: vault, key: "k" }), "node"],
    [other("s3", "PutBucketPolicy", { bucketName: "elsewhere" }), "administrator"],
    [{ service: "kms", eventName: "CreateGrant", resources: [{ ARN: key }] }, "service"],
    [{ service: "kms", eventName: "Decrypt", resources: [{ ARN: key }] }, "node"],
    [{ service: "kms", eventName: "DisableKey", resources: [{ ARN: `${key}0` }] }, "administrator"],
    [other("secretsmanager", "GetSecretValue", { secretId: `${PREFIX}/backup/cipher` }), "node"],
    [other("secretsmanager", "PutSecretValue", { secretId: `${PREFIX}/tls/node` }), "administrator"],
    [other("secretsmanager", "DeleteSecret", { secretId: "other/secret" }), "administrator"],
    [{ service: "dynamodb", eventName: "PutItem", resources: [{ ARN: table }] }, "node"],
    [other("dynamodb", "DeleteTable", { tableName: "other" }), "administrator"],
    [other("cloudtrail", "StopLogging", { name: "other" }), "administrator"],
    [other("cloudtrail", "AddTags", { resourceId: `${PREFIX}-audit` }), "global"],
    [other("events", "DeleteRule", { name: "other" }), "administrator"],
    [other("monitoring", "DeleteAlarms", { alarmNames: ["other"] }), "administrator"],
    [other("sns", "Publish", { topicArn: pageTopic }), "node"],
    [other("iam", "CreateRole", { roleName: "other" }), "administrator"],
  ];
}
