/**
 * Which calls page at once: those that weaken the protection of the backups, the claims or the keys, and those that would
 * switch off the watch itself. They page whether they succeed or fail. EventBridge patterns over CloudTrail's records.
 * No Pulumi here.
 *
 * There is no exemption. A call that no deployment makes (`never`) pages for every caller. A call that deployments make
 * (`settings`) pages too, except by the role that deploys the thing: then it goes to the people of severity `notify`. So a
 * stolen pipeline role can't act unseen, and a deployment causes no page.
 *
 * One caller is left out: the nodes whose pgBackRest expires old backups by `DeleteObjects`. Their role can't delete a
 * version, and what they hide the nodes' own check of the vault sees.
 */
import type { Contract } from "../../settings/contract.js";
import type { RegionId } from "../../settings/stacks.js";
import type { AlarmSeverity } from "../alarm-topics.js";
import type { AlarmName } from "./runbooks.js";

type Leaf =
  | string
  | { readonly prefix: string }
  | { readonly wildcard: string }
  | { readonly exists: boolean }
  | { readonly "anything-but": readonly string[] };
export interface Pattern {
  readonly [key: string]: readonly Leaf[] | readonly Pattern[] | Pattern;
}

/** One kind of thing, and the calls on it. */
export interface Watched {
  /** Last part of its rules' names. */
  readonly what: string;
  /** The service as CloudTrail names it, e.g. `monitoring` for CloudWatch. */
  readonly service: string;
  /** Where the record names the thing: a part of `detail`. */
  readonly at: Pattern;
  readonly never: readonly Leaf[];
  /** Default: none. */
  readonly settings?: readonly Leaf[];
  /** Stack whose deployments change the settings. */
  readonly deployedBy: "global" | "prod" | "dr";
  /** The thing, for a person who is woken. */
  readonly thing: string;
  readonly alarm: AlarmName;
}

/** What the contract doesn't know: names and ARNs that AWS assigns. */
export interface WatchedIds {
  /** Every key of the project in that region. A key that isn't there does no harm. */
  readonly keyArns: readonly string[];
  readonly topicArns: readonly string[];
}

export interface WatchRule {
  readonly name: string;
  readonly severity: AlarmSeverity;
  readonly pattern: Pattern;
  readonly watched: Watched;
}

/** Prefix of the rules' names. They may publish to the topics by it, and the pipeline may not delete them. */
export const watchPrefix = (place: string, severity: AlarmSeverity): string =>
  severity === "page" ? `${place}-watch-` : `${place}-deployed-`;

/** Name of the rule that sees the canary's call. */
export const canaryRule = (place: string): string => `${watchPrefix(place, "page")}canary`;

/** ARNs of a place's rules of one severity, with `*`. */
export const watchRulesArn = (
  { accountId }: Pick<Contract, "accountId">,
  region: string,
  place: string,
  severity: AlarmSeverity,
): string => `arn:aws:events:${region}:${accountId}:rule/${watchPrefix(place, severity)}*`;

/** Which rules of a place may publish to its topics. A page goes to both: no one topic's loss silences it. */
export function watchTopicRules(
  contract: Pick<Contract, "accountId">,
  region: string,
  place: string,
): Readonly<Record<AlarmSeverity, readonly string[]>> {
  const page = watchRulesArn(contract, region, place, "page");
  return { page: [page], notify: [page, watchRulesArn(contract, region, place, "notify")] };
}

/**
 * The rules of some watched things: one that pages for each, and one that notifies where deployments change it.
 * @param place prefix of the rules' names: the network's name, or the project's for what is in us-east-1
 */
export function watchRules(
  watched: readonly Watched[],
  place: string,
  contract: Pick<Contract, "accountId" | "pipelineRolePrefix">,
  hasPipeline: boolean,
): WatchRule[] {
  return watched.flatMap((each): WatchRule[] => {
    const { what, never, settings = [], deployedBy } = each;
    const role = `arn:aws:iam::${contract.accountId}:role/${contract.pipelineRolePrefix}deploy-${deployedBy}`;
    const page = (rest: Pattern) => ({
      name: `${watchPrefix(place, "page")}${what}`,
      severity: "page" as const,
      pattern: call(each, rest),
      watched: each,
    });
    if (settings.length === 0) return [page({ eventName: never })];
    if (!hasPipeline) return [page({ eventName: [...never, ...settings] })];
    return [
      page({ $or: [{ eventName: never }, { eventName: settings, userIdentity: notBy(role) }] }),
      {
        name: `${watchPrefix(place, "notify")}${what}`,
        severity: "notify",
        pattern: call(each, { eventName: settings, userIdentity: by(role) }),
        watched: each,
      },
    ];
  });
}

/** The canary's call arrived: its own role tagged its rule. Only AWS's services can send an event of such a source. */
export const canaryPattern = ({ accountId }: Pick<Contract, "accountId">, canaryRole: string): Pattern => ({
  source: [{ prefix: "aws." }],
  "detail-type": ["AWS API Call via CloudTrail"],
  detail: {
    eventSource: ["events.amazonaws.com"],
    eventName: ["TagResource"],
    userIdentity: by(`arn:aws:iam::${accountId}:role/${canaryRole}`),
  },
});

/** Everything else, for the account that the pages and the canary go to. */
export const notTheCanary = ({
  accountId,
  canaryRole,
}: Pick<Contract, "accountId" | "canaryRole">): Pattern => ({
  $or: [
    { detail: { eventName: [{ "anything-but": ["TagResource"] }, { exists: false }] } },
    { detail: { userIdentity: notBy(`arn:aws:iam::${accountId}:role/${canaryRole}`) } },
  ],
});

/** What is watched in a region, beside its rules, alarms and topics. */
export function watchedInRegion(contract: Contract, id: RegionId, ids: WatchedIds): Watched[] {
  const own = contract[id];
  const { region, vaultBucket, volumeVault, vpcName } = own;
  const { accountId, prefix, claimTable, auditBucket, secrets } = contract;
  const table = `arn:aws:dynamodb:${region}:${accountId}:table/${claimTable}`;
  const trail = [contract.trail, contract.trailArn];
  const secret = (name: string): Leaf[] => [
    { prefix: name },
    { prefix: `arn:aws:secretsmanager:${region}:${accountId}:secret:${name}` },
  ];
  const isHome = id === "home";
  const bucketName = isHome ? [vaultBucket, auditBucket] : [vaultBucket];
  const vault = { thing: `the vault ${vaultBucket}`, alarm: "vault-touched", deployedBy: "global" } as const;
  const touched = { alarm: "watch-touched", deployedBy: "global" } as const;
  return [
    {
      what: "buckets",
      service: "s3",
      at: { requestParameters: { bucketName } },
      // By prefix: the events' names are not always the API's, and there are new ones now and then.
      never: [{ prefix: "DeleteBucket" }, "DeletePublicAccessBlock", "PutBucketAcl", "PutBucketPolicy"],
      settings: [
        { prefix: "PutBucket" },
        { prefix: "PutLifecycle" },
        { prefix: "PutObjectLock" },
        { prefix: "PutPublicAccessBlock" },
        { prefix: "PutReplication" },
      ],
      ...vault,
      ...(isHome && { thing: `the vault ${vaultBucket} or the bucket of the audit trail` }),
    },
    {
      what: "locks",
      service: "s3",
      at: { requestParameters: { bucketName } },
      never: ["PutObjectLegalHold", "PutObjectRetention"],
      ...vault,
    },
    {
      what: "versions",
      service: "s3",
      at: { requestParameters: { bucketName, versionId: [{ exists: true }] } },
      never: ["DeleteObject", "DeleteObjectVersion"],
      ...vault,
    },
    {
      // By it pgBackRest expires, under a role that can't delete a version. Its event doesn't say whether versions are meant.
      what: "deletes-in-batch",
      service: "s3",
      at: {
        requestParameters: { bucketName },
        userIdentity: notBy(`arn:aws:iam::${accountId}:role/${own.databaseRole}`),
      },
      never: ["DeleteObjects"],
      ...vault,
    },
    {
      what: "volumes",
      service: "backup",
      at: { requestParameters: { backupVaultName: [volumeVault] } },
      never: [
        { prefix: "DeleteBackupVault" },
        { prefix: "DeleteRecoveryPoint" },
        { prefix: "DisassociateRecoveryPoint" },
        "PutBackupVaultAccessPolicy",
        "UpdateRecoveryPointLifecycle",
      ],
      settings: ["PutBackupVaultLockConfiguration"],
      thing: `the vault of volumes ${volumeVault}`,
      ...touched,
    },
    ...keys(ids, "global"),
    {
      what: "secrets",
      service: "secretsmanager",
      at: { requestParameters: { secretId: secret(`${prefix}/`) } },
      never: [
        "DeleteResourcePolicy",
        "DeleteSecret",
        "PutResourcePolicy",
        "RemoveRegionsFromReplication",
        "StopReplicationToReplica",
      ],
      settings: ["ReplicateSecretToRegions", "UpdateSecret"],
      thing: "a secret of the project",
      ...touched,
    },
    {
      // Others change in a rotation; this one opens every backup of the past.
      what: "passphrase",
      service: "secretsmanager",
      at: { requestParameters: { secretId: secret(secrets.backupCipher) } },
      never: ["UpdateSecretVersionStage"],
      settings: ["PutSecretValue"],
      thing: "the backups' passphrase",
      ...touched,
    },
    {
      what: "claim-table",
      service: "dynamodb",
      at: { requestParameters: { tableName: [claimTable, table] } },
      never: ["DeleteTable", "UpdateContinuousBackups", "UpdateTable", "UpdateTimeToLive"],
      thing: "the claim table",
      ...touched,
    },
    {
      what: "claim-table-policy",
      service: "dynamodb",
      at: { requestParameters: { resourceArn: [{ prefix: table }] } },
      never: ["DeleteResourcePolicy", "PutResourcePolicy"],
      thing: "the claim table's policy",
      ...touched,
    },
    {
      // Claims are put, one by one, and never changed or taken back.
      what: "claims",
      service: "dynamodb",
      at: { resources: { ARN: [table] } },
      never: [
        "BatchExecuteStatement",
        "BatchWriteItem",
        "DeleteItem",
        "ExecuteStatement",
        "ExecuteTransaction",
        "TransactWriteItems",
        "UpdateItem",
      ],
      thing: "the items of the claim table",
      ...touched,
    },
    {
      what: "transcripts",
      service: "logs",
      at: { requestParameters: { logGroupName: [own.sessionLogGroup] } },
      never: [
        "AssociateKmsKey",
        "DeleteLogGroup",
        "DeleteLogStream",
        "DeleteRetentionPolicy",
        "DisassociateKmsKey",
        "PutRetentionPolicy",
      ],
      thing: "the transcripts of shells",
      ...touched,
    },
    {
      // These take the group's name or its ARN.
      what: "transcripts-protection",
      service: "logs",
      at: {
        requestParameters: {
          logGroupIdentifier: [
            own.sessionLogGroup,
            `arn:aws:logs:${region}:${accountId}:log-group:${own.sessionLogGroup}`,
          ],
        },
      },
      never: ["PutDataProtectionPolicy", "PutLogGroupDeletionProtection"],
      thing: "the transcripts of shells",
      ...touched,
    },
    {
      what: "shell",
      service: "ssm",
      at: { requestParameters: { name: [contract.shellDocument] } },
      never: ["DeleteDocument", "ModifyDocumentPermission", "UpdateDocument", "UpdateDocumentDefaultVersion"],
      thing: "the document by which people open a shell",
      ...touched,
    },
    ...(isHome
      ? [
          {
            what: "trail",
            service: "cloudtrail",
            at: { requestParameters: { name: trail } },
            never: ["DeleteTrail", "StopLogging", "UpdateTrail"],
            thing: "the audit trail",
            ...touched,
          },
          {
            what: "trail-selectors",
            service: "cloudtrail",
            at: { requestParameters: { trailName: trail } },
            never: ["PutEventSelectors", "PutInsightSelectors"],
            thing: "what the audit trail records",
            ...touched,
          },
        ]
      : []),
    ...watchItself(vpcName, prefix, ids, own.stack),
  ];
}

/** What is watched in us-east-1: IAM's calls are recorded there alone, and the health checks' alarms are there. */
export function watchedGlobally(contract: Contract, ids: WatchedIds): Watched[] {
  const { accountId, prefix, machineBoundary, pipelineBoundary, peopleBoundary, breakGlassBoundary } =
    contract;
  const touched = { alarm: "watch-touched", deployedBy: "global" } as const;
  return [
    {
      what: "roles",
      service: "iam",
      at: { requestParameters: { roleName: [{ prefix: `${prefix}-` }] } },
      never: [
        "AddRoleToInstanceProfile",
        "AttachRolePolicy",
        "CreateRole",
        "DeleteRole",
        "DeleteRolePermissionsBoundary",
        "DetachRolePolicy",
        "PutRolePermissionsBoundary",
        "RemoveRoleFromInstanceProfile",
        "UpdateAssumeRolePolicy",
        "UpdateRole",
      ],
      settings: ["DeleteRolePolicy", "PutRolePolicy"],
      thing: "a role of the project",
      ...touched,
    },
    {
      what: "boundaries",
      service: "iam",
      at: {
        requestParameters: {
          policyArn: [machineBoundary, pipelineBoundary, peopleBoundary, breakGlassBoundary].map(
            (name) => `arn:aws:iam::${accountId}:policy/${name}`,
          ),
        },
      },
      never: ["CreatePolicyVersion", "DeletePolicy", "DeletePolicyVersion", "SetDefaultPolicyVersion"],
      thing: "a permission boundary",
      ...touched,
    },
    {
      what: "provider",
      service: "iam",
      at: {
        requestParameters: {
          openIDConnectProviderArn: [{ wildcard: `arn:aws:iam::${accountId}:oidc-provider/token.actions.*` }],
        },
      },
      never: [
        "AddClientIDToOpenIDConnectProvider",
        "DeleteOpenIDConnectProvider",
        "RemoveClientIDFromOpenIDConnectProvider",
        "UpdateOpenIDConnectProviderThumbprint",
      ],
      thing: "the pipeline's identity provider",
      ...touched,
    },
    ...keys(ids, "global"),
    ...watchItself(prefix, prefix, ids, "global"),
  ];
}

function keys({ keyArns }: WatchedIds, deployedBy: Watched["deployedBy"]): Watched[] {
  const key = { service: "kms", thing: "a key of the project", alarm: "watch-touched", deployedBy } as const;
  return [
    {
      ...key,
      what: "keys",
      at: { resources: { ARN: keyArns } },
      never: [
        "DeleteImportedKeyMaterial",
        "DisableKey",
        "DisableKeyRotation",
        "PutKeyPolicy",
        "ScheduleKeyDeletion",
        "UpdatePrimaryRegion",
      ],
      settings: ["DeleteAlias", "ReplicateKey", "UpdateAlias"],
    },
    {
      // Services make grants for volumes all day, on behalf of the roles that start machines.
      ...key,
      what: "grants",
      at: { resources: { ARN: keyArns }, userIdentity: { invokedBy: [{ exists: false }] } },
      never: ["CreateGrant", "RevokeGrant"],
    },
  ];
}

/** The rules, alarms and topics of a place. */
function watchItself(
  place: string,
  prefix: string,
  { topicArns }: WatchedIds,
  deployedBy: Watched["deployedBy"],
): Watched[] {
  const watch = { alarm: "watch-touched", deployedBy } as const;
  const ours: Leaf[] = [{ prefix: `${prefix}-` }];
  const events = { ...watch, service: "events", thing: "a rule that pages" } as const;
  const alarms = { ...watch, service: "monitoring", thing: "an alarm" } as const;
  const topics = { ...watch, service: "sns", thing: "a topic of the alarms" } as const;
  return [
    {
      ...events,
      what: "rules",
      at: { requestParameters: { name: ours } },
      never: ["DeleteRule", "DisableRule"],
      settings: ["PutRule"],
    },
    {
      ...events,
      what: "targets",
      at: { requestParameters: { rule: ours } },
      never: ["RemoveTargets"],
      settings: ["PutTargets"],
    },
    {
      ...alarms,
      what: "alarms",
      at: { requestParameters: { alarmNames: ours } },
      never: ["DeleteAlarms", "DisableAlarmActions"],
    },
    {
      ...alarms,
      what: "alarm-settings",
      at: { requestParameters: { alarmName: ours } },
      never: ["SetAlarmState"],
      settings: ["PutCompositeAlarm", "PutMetricAlarm"],
    },
    {
      ...topics,
      what: "topics",
      at: { requestParameters: { topicArn: topicArns } },
      never: ["AddPermission", "DeleteTopic", "RemovePermission"],
      settings: ["SetTopicAttributes", "Subscribe"],
    },
    {
      ...topics,
      what: "topic-policies",
      at: { requestParameters: { resourceArn: topicArns } },
      never: ["PutDataProtectionPolicy"],
    },
    {
      ...topics,
      what: "subscriptions",
      at: { requestParameters: { subscriptionArn: topicArns.map((arn) => ({ prefix: `${arn}:` })) } },
      never: ["Unsubscribe"],
      settings: ["SetSubscriptionAttributes"],
      thing: "a subscription to the alarms",
    },
    {
      ...events,
      what: "canary-schedule",
      service: "scheduler",
      at: { requestParameters: { name: [canaryRule(place)] } },
      never: ["DeleteSchedule"],
      settings: ["UpdateSchedule"],
      thing: "the canary of the watch",
    },
  ];
}

/** CloudTrail's record of a call. Programs can send events too, but none whose source begins with `aws.`. */
const call = ({ service, at }: Watched, rest: Pattern): Pattern => ({
  source: [{ prefix: "aws." }],
  "detail-type": ["AWS API Call via CloudTrail"],
  detail: { eventSource: [`${service}.amazonaws.com`], ...at, ...rest },
});

const session = (arn: readonly Leaf[]): Pattern => ({ sessionContext: { sessionIssuer: { arn } } });
const by = (roleArn: string): Pattern => session([roleArn]);
/** A user or the root has no session of a role: then there is no such field, which counts as somebody else too. */
const notBy = (roleArn: string): Pattern => session([{ "anything-but": [roleArn] }, { exists: false }]);
