/**
 * Which calls at a region's vault page at once: those that weaken the protection of the backups, whether they succeed
 * or fail, except when the pipeline that deploys the vault makes them. EventBridge patterns over CloudTrail's records.
 * No Pulumi here.
 *
 * Not among them: `DeleteObjects`, by which pgBackRest expires; its event doesn't say whether versions are meant. A
 * version can't be deleted by it either while it is locked, and what it hides the nodes' own check of the vault sees.
 */
import type { Contract, RegionContract } from "../../settings/contract.js";

type Leaf =
  | string
  | { readonly prefix: string }
  | { readonly exists: boolean }
  | { readonly "anything-but": readonly string[] };
export interface Pattern {
  readonly [key: string]: readonly Leaf[] | Pattern;
}

export interface VaultEvents {
  /** ARN of the role that deploys vaults and keys. Without a pipeline people deploy, and each change pages. */
  readonly deployRoleArn?: string;
  /** Key of the vault, in its region. */
  readonly backupsKeyArn: string;
}

/** Patterns by the last part of their rule's name. */
export function vaultEventPatterns(
  region: Pick<RegionContract, "vaultBucket">,
  { deployRoleArn, backupsKeyArn }: VaultEvents,
): Readonly<Record<string, Pattern>> {
  const by = deployRoleArn ? notBy(deployRoleArn) : {};
  const bucketName = [region.vaultBucket];
  return {
    // By prefix: the events' names are not always the API's, and there are new ones now and then.
    settings: call("s3", {
      eventName: [
        { prefix: "PutBucket" },
        { prefix: "DeleteBucket" },
        { prefix: "PutObjectLock" },
        { prefix: "PutLifecycle" },
        { prefix: "PutReplication" },
        { prefix: "PutPublicAccessBlock" },
        { prefix: "DeletePublicAccessBlock" },
      ],
      requestParameters: { bucketName },
      ...by,
    }),
    locks: call("s3", {
      eventName: ["PutObjectRetention", "PutObjectLegalHold"],
      requestParameters: { bucketName },
      ...by,
    }),
    versions: call("s3", {
      eventName: ["DeleteObject", "DeleteObjectVersion"],
      requestParameters: { bucketName, versionId: [{ exists: true }] },
      ...by,
    }),
    key: call("kms", {
      eventName: ["DisableKey", "DisableKeyRotation", "PutKeyPolicy", "ScheduleKeyDeletion"],
      resources: { ARN: [backupsKeyArn] },
      ...by,
    }),
  };
}

/** Prefix of the rules' names: the pipeline may make rules of that prefix, and they may publish to the topic. */
export const vaultRulePrefix = ({ vpcName }: Pick<RegionContract, "vpcName">): string => `${vpcName}-vault-`;

export const vaultRulesArn = ({ accountId }: Pick<Contract, "accountId">, region: RegionContract): string =>
  `arn:aws:events:${region.region}:${accountId}:rule/${vaultRulePrefix(region)}*`;

const call = (service: string, detail: Pattern): Pattern => ({
  source: [`aws.${service}`],
  "detail-type": ["AWS API Call via CloudTrail"],
  detail: { eventSource: [`${service}.amazonaws.com`], ...detail },
});

/** A user or the root has no session of a role: then there is no such field, which counts as somebody else too. */
const notBy = (roleArn: string): Pattern => ({
  userIdentity: {
    sessionContext: { sessionIssuer: { arn: [{ "anything-but": [roleArn] }, { exists: false }] } },
  },
});
